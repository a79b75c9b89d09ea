// Small guests in text form, run on a whole VM with the lunatic host functions, in deterministic mode unless told otherwise.
//
// A test writes the fields of a module; the imports that it uses are added: `$message.send` is lunatic::message::send,
// `$old.message.send` the type that crates before 0.13 import, and `$test.*` the functions below.
//   $test.report (i64)         appends to GuestRun::reports
//   $test.report32 (i32)       the same
//   $test.push_socket () -> i64  puts something that is not a module into the scratch message
//   $test.describe_config (i64)  appends what is in a config of the caller to GuestRun::texts
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "runtime/vm.h"

namespace lunabeam::tests {

struct GuestRun {
  runtime::RunResult result;
  std::vector<i64> reports;
  std::vector<std::string> texts;
  std::vector<runtime::MetricTable::Entry> metrics;

  // The trap's text; "" when the guest ended normally.
  [[nodiscard]] std::string trap() const;
};

struct GuestOptions {
  u32 pages = 1;      // Of the memory.
  u32 max_pages = 0;  // 0: it cannot grow.
  bool export_memory = true;
  runtime::ConfigRef config = {};  // Empty: the rights of a root process.
  std::string_view function = "_start";
  u64 memory_limit_bytes = runtime::MemoryBudget::kUnlimited;
  bool deterministic = true;
};

// The binary of a module in text form.
[[nodiscard]] std::vector<u8> assemble(std::string_view wat);
// The text of a whole module around `fields`.
[[nodiscard]] std::string module_text(std::string_view fields, const GuestOptions& options = {});

// Runs a guest with these fields in every dispatch that this build has, which must make no difference; `fields` exports the
// entry function.
[[nodiscard]] GuestRun run_guest(std::string_view fields, const GuestOptions& options = {});
// Runs a guest whose _start has this body.
[[nodiscard]] GuestRun run_body(std::string_view body, const GuestOptions& options = {});

// Fields that tests about several processes need. They use the memory above kHelperAddress.
//   $spawn (name i32, name_len i32, link_tag i64) -> i64   spawns without parameters; the pid, or -1 - error id
//   $send (pid i64, tag i64, value i64)           a message with 8 bytes
//   $receive (timeout_ms i64) -> i32              unfiltered
//   $receive_tag (tag i64, timeout_ms i64) -> i32
//   $value () -> i64                              the next 8 bytes of the scratch message
extern const char* const kHelpers;
inline constexpr u32 kHelperAddress = 60'000;

// `text` as a data segment at `address`.
[[nodiscard]] std::string data(u32 address, std::string_view text);

}  // namespace lunabeam::tests
