#include "tools/lunabeam/files.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "runtime/hostcalls/registry.h"
#include "vm/text/source_text.h"
#include "vm/text/text.h"
#include "wasi/preview1.h"

namespace lunabeam::tools {

namespace {

std::optional<std::vector<u8>> read_bytes(const std::string& path) {
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
