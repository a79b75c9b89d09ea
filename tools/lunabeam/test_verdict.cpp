// Verdicts and the notes about them.
#include "tools/lunabeam/test_verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/lunabeam/panic_text.h"

namespace lunabeam::tools {
namespace {

using Streams = std::vector<runtime::OutputCapture::Stream>;

constexpr u64 kRootPid = 1;

std::string text_of(const Streams& streams, u64 lost_bytes) {
  std::string text;
  for (const auto& stream : streams) {
    if (streams.size() > 1) text += fmt::format(" --- process {} stdout ---\n", stream.pid);
    text += stream.text;
    if (streams.size() > 1 && !text.ends_with('\n')) text += '\n';
  }
  if (lost_bytes != 0) text += fmt::format("note: {} more bytes were written and not kept\n", lost_bytes);
  return text;
}

void add_note(TestResult& result, std::string_view note) {
  if (!result.output.empty() && !result.output.ends_with('\n')) result.output += '\n';
  result.output += fmt::format("note: {}\n", note);
}

void fail(TestResult& result, std::string_view note) {
  result.verdict = Verdict::kFailed;
  add_note(result, note);
}

// Why it failed, where no panic has told it.
void add_cause(TestResult& result, const runtime::RunResult& run) {
  add_note(result, fmt::format("the test failed without a panic: {}{}", run.message(), run.limit));
  if (!run.backtrace.empty()) result.output += run.backtrace + '\n';
}

std::string listed(const std::vector<std::string_view>& messages) {
  std::string text;
  for (const std::string_view message : messages) text += fmt::format("{}`{}`", text.empty() ? "" : ", ", message);
  return text;
}

}  // namespace

TestResult judge(const TestCase& test, const runtime::RunResult& run, const Streams& streams, u64 lost_bytes) {
  TestResult result;
  result.output = text_of(streams, lost_bytes);
  std::vector<std::string_view> messages;
  const auto root = std::ranges::find(streams, kRootPid, &runtime::OutputCapture::Stream::pid);
  if (root != streams.end()) messages = panic_messages(root->text);

  const bool ended_well = run.exit_status() == 0;
  if (!test.expected_panic) {
    if (ended_well) return result;
    result.verdict = Verdict::kFailed;
    if (messages.empty()) add_cause(result, run);
  } else if (ended_well) {
    fail(result, "test did not panic as expected");
  } else if (const std::string& expected = *test.expected_panic; !expected.empty()) {
    if (messages.empty()) {
      fail(result, fmt::format("expected a panic with `{}`", expected));
      add_cause(result, run);
    } else if (std::ranges::none_of(messages, [&](std::string_view message) {
                 return message.find(expected) != std::string_view::npos;
               })) {
      fail(result,
           fmt::format("panic did not contain expected string\n      panic message: {}\n expected substring: `{}`",
                       listed(messages), expected));
    }
  }
  return result;
}

}  // namespace lunabeam::tools
