#include "vm/base/error.h"

#include <fmt/format.h>

#include <array>

#include "vm/base/printable.h"

namespace lunabeam::vm {
namespace {

struct Row {
  ErrorPhase phase;
  std::string_view text;
};

constexpr std::array kRows = {
#define VM_ERROR(id, phase, text) Row{ErrorPhase::phase, text},
#include "vm/base/errors.def"
};

}  // namespace

ErrorPhase phase_of(ErrorCode code) noexcept { return kRows[static_cast<size_t>(code)].phase; }
std::string_view text_of(ErrorCode code) noexcept { return kRows[static_cast<size_t>(code)].text; }

std::string Error::message() const {
  std::string line(text_of(code));
  if (!detail.empty()) {
    if (!line.empty()) line += ' ';
    line += printable(detail, 2 * kPrintableBytes);  // Mostly two names, of a module and of what it exports.
  }
  if (offset != kNoOffset) line += fmt::format(" at offset 0x{:x}", offset);
  return line;
}

}  // namespace lunabeam::vm
