#include "tools/lunabeam-spectest/file_text.h"

#include <cstdio>
#include <memory>

namespace lunabeam::spectest {
namespace {

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Closer>;

}  // namespace

std::optional<std::string> read_file(const std::filesystem::path& path) {
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) return std::nullopt;
  std::string text;
  char block[65536];
  for (;;) {
    const size_t count = std::fread(block, 1, sizeof block, file.get());
    text.append(block, count);
    if (count < sizeof block) break;
  }
  if (std::ferror(file.get()) != 0) return std::nullopt;
  return text;
}

bool write_file(const std::filesystem::path& path, std::string_view text) {
  File file(std::fopen(path.c_str(), "wb"));
  if (!file) return false;
  const bool wrote = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
  return std::fclose(file.release()) == 0 && wrote;
}

}  // namespace lunabeam::spectest
