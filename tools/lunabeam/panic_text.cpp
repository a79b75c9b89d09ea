// Panic reports of Rust's runtime.
#include "tools/lunabeam/panic_text.h"

#include <algorithm>
#include <array>
#include <optional>

namespace lunabeam::tools {
namespace {

constexpr std::string_view kThread = "thread '";
constexpr std::string_view kPanicked = " panicked at ";
constexpr size_t kMaxHeadBytes = 4096;  // Of a thread's name, and of a place: what is longer is not a report.

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Removes ":DIGITS" from the end.
bool drop_number(std::string_view& text) {
  size_t end = text.size();
  while (end > 0 && is_digit(text[end - 1])) --end;
  if (end == text.size() || end == 0 || text[end - 1] != ':') return false;
  text = text.substr(0, end - 1);
  return true;
}

// FILE:LINE:COLUMN, or without the column.
bool is_place(std::string_view text) {
  if (!drop_number(text)) return false;
  (void)drop_number(text);
  return !text.empty();
}

std::string_view line_at(std::string_view text, size_t begin) {
  return text.substr(begin, text.find('\n', begin) - begin);
}

// The message is quoted; it may hold quotes and lines itself. Its end: a quote and a comma with a place up to the line's end.
std::optional<std::string_view> quoted_message(std::string_view rest) {
  const std::string_view region = rest.substr(0, rest.find(kPanicked));  // Up to the next report.
  for (size_t begin = 0; begin < region.size();) {
    const std::string_view line = line_at(region, begin);
    const size_t end = line.rfind("', ");
    if (end != std::string_view::npos && begin + end > 0 && is_place(line.substr(end + 3))) {
      return region.substr(1, begin + end - 1);
    }
    begin += line.size() + 1;
  }
  return std::nullopt;
}

// What ends a message of the new form: notes, backtraces, the next report.
bool ends_message(std::string_view line) {
  constexpr std::array<std::string_view, 3> kNotes = {"note: run with `RUST_BACKTRACE",
                                                      "note: Some details are omitted", "stack backtrace:"};
  if (std::ranges::any_of(kNotes, [line](std::string_view note) { return line.starts_with(note); })) return true;
  return line.starts_with(kThread) && line.find(kPanicked) != std::string_view::npos;
}

std::optional<std::string_view> message_behind_place(std::string_view rest) {
  std::string_view place = line_at(rest.substr(0, kMaxHeadBytes), 0);
  if (!place.ends_with(':')) return std::nullopt;
  const size_t begin = place.size() + 1;
  place.remove_suffix(1);
  if (!is_place(place)) return std::nullopt;
  if (begin >= rest.size()) return std::string_view();
  size_t end = begin;
  while (end < rest.size()) {
    const std::string_view line = line_at(rest, end);
    if (ends_message(line)) break;
    end = std::min(end + line.size() + 1, rest.size());
  }
  std::string_view message = rest.substr(begin, end - begin);
  while (message.ends_with('\n')) message.remove_suffix(1);
  return message;
}

// The position behind ` panicked at ` of a report that begins at `at`, where kThread stands; npos: it is none.
size_t behind_head(std::string_view output, size_t at) {
  const std::string_view line = line_at(output.substr(at, kMaxHeadBytes), 0);
  const size_t panicked = line.find(kPanicked, kThread.size());
  if (panicked == std::string_view::npos) return std::string_view::npos;
  std::string_view name = line.substr(kThread.size(), panicked - kThread.size());
  if (name.ends_with(')')) {  // ` (NUMBER)`
    const size_t open = name.rfind(" (");
    if (open == std::string_view::npos ||
        !std::ranges::all_of(name.substr(open + 2, name.size() - open - 3), is_digit)) {
      return std::string_view::npos;
    }
    name = name.substr(0, open);
  }
  return name.ends_with('\'') ? at + panicked + kPanicked.size() : std::string_view::npos;
}

}  // namespace

std::vector<std::string_view> panic_messages(std::string_view output) {
  std::vector<std::string_view> messages;
  // Not only at the beginning of a line: what a guest has printed without a newline stands before it.
  for (size_t at = output.find(kThread); at != std::string_view::npos; at = output.find(kThread, at + 1)) {
    const size_t behind = behind_head(output, at);
    if (behind == std::string_view::npos) continue;
    const std::string_view rest = output.substr(behind);
    const auto message = rest.starts_with('\'') ? quoted_message(rest) : message_behind_place(rest);
    if (!message) continue;
    messages.push_back(*message);
    at = static_cast<size_t>(message->data() - output.data()) + message->size();
  }
  return messages;
}

}  // namespace lunabeam::tools
