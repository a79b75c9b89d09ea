// args_* and environ_*: from the process's config, at any time and any number of times (guest contract 1.2).
#include <algorithm>
#include <string_view>

#include "wasi/functions.h"

namespace lunabeam::wasi {
namespace {

// Writes `count` pointers at pointers_ptr and the strings, each with its terminator, at buffer_ptr. string_at(i) gives two parts
// of string i that are written one behind the other.
template <class StringAt>
Outcome write_strings(Process& p, u32 pointers_ptr, u32 buffer_ptr, size_t count, StringAt string_at) {
  u64 at = buffer_ptr;
  for (size_t i = 0; i < count; ++i) {
    if (!store<u32>(p, u64{pointers_ptr} + i * 4, static_cast<u32>(at))) return out_of_bounds(p);
    const auto [first, second] = string_at(i);
    const u64 length = first.size() + second.size() + 1;
    if (at > UINT32_MAX) return out_of_bounds(p);
    const auto bytes = runtime::guest_bytes(p, static_cast<u32>(at), length);
    if (!bytes) return out_of_bounds(p);
    std::ranges::copy(second,
                      std::ranges::copy(first, bytes->begin()).out);  // Either part may be empty and point nowhere.
    bytes->back() = 0;
    at += length;
  }
  return Errno::kSuccess;
}

Outcome write_sizes(Process& p, u32 count_ptr, u32 size_ptr, u64 count, u64 size_bytes) {
  if (count > UINT32_MAX || size_bytes > UINT32_MAX) return Errno::kOverflow;
  if (!store<u32>(p, count_ptr, static_cast<u32>(count)) || !store<u32>(p, size_ptr, static_cast<u32>(size_bytes))) {
    return out_of_bounds(p);
  }
  return Errno::kSuccess;
}

struct TwoParts {
  std::string_view first;
  std::string_view second;
};

}  // namespace

Outcome args_get(Process& p, u32 argv_ptr, u32 buffer_ptr) {
  const auto& arguments = p.config->arguments;
  return write_strings(p, argv_ptr, buffer_ptr, arguments.size(), [&](size_t i) { return TwoParts{arguments[i], {}}; });
}

Outcome args_sizes_get(Process& p, u32 count_ptr, u32 size_ptr) {
  u64 size_bytes = 0;
  for (const auto& argument : p.config->arguments) size_bytes += argument.size() + 1;
  return write_sizes(p, count_ptr, size_ptr, p.config->arguments.size(), size_bytes);
}

Outcome environ_get(Process& p, u32 environ_ptr, u32 buffer_ptr) {
  const auto& variables = p.config->environment;
  std::string joined;
  return write_strings(p, environ_ptr, buffer_ptr, variables.size(), [&](size_t i) {
    joined = variables[i].first + "=";
    return TwoParts{joined, variables[i].second};
  });
}

Outcome environ_sizes_get(Process& p, u32 count_ptr, u32 size_ptr) {
  u64 size_bytes = 0;
  for (const auto& [key, value] : p.config->environment) size_bytes += key.size() + 1 + value.size() + 1;
  return write_sizes(p, count_ptr, size_ptr, p.config->environment.size(), size_bytes);
}

}  // namespace lunabeam::wasi
