#include "tools/lunabeam/files.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "runtime/hostcalls/registry.h"
#include "wasi/preview1.h"

namespace lunabeam::tools {

std::optional<std::vector<u8>> read_module_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (file == nullptr) {
    print_error(path, errno == ENOENT ? "module not found" : std::strerror(errno));
    return std::nullopt;
  }
  std::vector<u8> bytes;
  u8 buffer[64 * 1024];
  // A short count is the end of the file, or an error: nothing is read behind either.
  for (size_t got = sizeof buffer; got == sizeof buffer;) {
    got = std::fread(buffer, 1, sizeof buffer, file.get());
    bytes.insert(bytes.end(), buffer, buffer + got);
  }
  if (std::ferror(file.get()) != 0) {
    print_error(path, std::strerror(errno));
    return std::nullopt;
  }
  return bytes;
}

void print_error(const std::string& path, const std::string& message) {
  std::fputs(fmt::format("error: {}: {}\n", path, message).c_str(), stderr);
}

const vm::HostRegistry& host_registry() {
  static const vm::HostRegistry registry = [] {
    vm::HostRegistry all;
    all.add(runtime::lunatic_host_functions());
    all.add(wasi::preview1_functions());
    return all;
  }();
  return registry;
}

}  // namespace lunabeam::tools
