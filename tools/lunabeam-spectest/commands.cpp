#include "tools/lunabeam-spectest/commands.h"

#include <array>

namespace lunabeam::spectest {
namespace {

struct Row {
  std::string_view text;
  bool is_assertion;
};

constexpr std::array kRows = {
#define SPECTEST_COMMAND(id, text, is_assertion) Row{text, is_assertion},
#include "tools/lunabeam-spectest/commands.def"
};

}  // namespace

std::string_view name_of(CommandKind kind) noexcept { return kRows[static_cast<size_t>(kind)].text; }
bool is_assertion(CommandKind kind) noexcept { return kRows[static_cast<size_t>(kind)].is_assertion; }

std::optional<CommandKind> command_kind(std::string_view name) noexcept {
  for (size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].text == name) return static_cast<CommandKind>(i);
  }
  return std::nullopt;
}

std::string_view name_of(LaneShape shape) noexcept {
  constexpr std::string_view kNames[] = {"i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2"};
  return kNames[static_cast<size_t>(shape)];
}

bool Pattern::is_constant() const {
  if (kind > Kind::kRefHost) return false;
  for (const NanPattern lane : nan) {
    if (lane != NanPattern::kNone) return false;
  }
  return true;
}

}  // namespace lunabeam::spectest
