#include "tools/lunabeam/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "runtime/hostcalls/registry.h"
#include "vm/text/source_text.h"
#include "vm/text/text.h"
#include "wasi/preview1.h"

namespace lunabeam::tools {

namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kMaxFileBytes = size_t{4} << 30;  // No module is as large (vm/module.h), and some files never end.
constexpr const char* kTooLarge = "a file of 4 GiB or more is no module";

std::optional<std::vector<u8>> read_bytes(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    print_error(path, errno == ENOENT ? "module not found" : std::strerror(errno));
    return std::nullopt;
  }
  const auto fail_with = [&](const char* why) {
    close(file);
    print_error(path, why);
    return std::nullopt;
  };
  // The size is a hint: pipes have none, and files may grow while they are read.
  struct stat status{};
  const bool has_size = fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
  if (has_size && static_cast<size_t>(status.st_size) >= kMaxFileBytes) return fail_with(kTooLarge);
  std::vector<u8> bytes(has_size ? static_cast<size_t>(status.st_size) + 1 : kReadBytes);
  size_t size = 0;
  for (;;) {
    if (size == bytes.size()) bytes.resize(size + size / 2 + kReadBytes);
    const ssize_t got = read(file, bytes.data() + size, bytes.size() - size);
    if (got == 0) break;
    if (got > 0) size += static_cast<size_t>(got);
    if (got < 0 && errno != EINTR) return fail_with(std::strerror(errno));
    if (size >= kMaxFileBytes) return fail_with(kTooLarge);
  }
  close(file);
  bytes.resize(size);
  return bytes;
}

// `error: <path>:<line>:<column>: ...` where the error has a place.
void print_text_error(const ModuleFile& file, const vm::Error& error) {
  const bool has_place = error.offset != vm::Error::kNoOffset;
  const std::string text = vm::text::describe(error, file.source);
  std::fputs(fmt::format("error: {}:{}{}\n", file.path, has_place ? "" : " ", text).c_str(), stderr);
}

}  // namespace

std::optional<ModuleFile> read_module_file(const std::string& path) {
  std::optional<std::vector<u8>> bytes = read_bytes(path);
  if (!bytes) return std::nullopt;
  ModuleFile file{.path = path, .bytes = {}, .source = {}};
  if (!path.ends_with(".wat") && !vm::text::is_text(*bytes)) {
    file.bytes = *std::move(bytes);
    return file;
  }
  file.source.assign(bytes->begin(), bytes->end());
  bytes.reset();
  auto module = vm::text::read_module(file.source);
  if (!module) {
    print_text_error(file, module.error());
    return std::nullopt;
  }
  file.bytes = std::move(module->bytes);
  return file;
}

void print_load_error(const ModuleFile& file, const vm::Error& error) {
  if (file.source.empty()) {
    print_error(file.path, error.message());
  } else {
    print_text_error(file, vm::text::locate(error, file.source));
  }
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
