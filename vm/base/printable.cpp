#include "vm/base/printable.h"

#include <fmt/format.h>

#include <iterator>

#include "vm/base/ints.h"

namespace lunabeam::vm {

std::string printable(std::string_view text, size_t max_bytes) {
  const bool is_cut = text.size() > max_bytes;
  if (is_cut) {
    size_t end = max_bytes;
    while (end > 0 && (static_cast<u8>(text[end]) & 0xC0) == 0x80) --end;  // Within a UTF-8 character.
    text = text.substr(0, end);
  }
  std::string out;
  out.reserve(text.size() + 3);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<u8>(text[i]);
    const bool is_c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<u8>(text[i + 1]) >= 0x80 &&
                       static_cast<u8>(text[i + 1]) < 0xA0;
    if (byte >= 0x20 && byte != 0x7F && !is_c1) {
      out += text[i];
      continue;
    }
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", is_c1 ? static_cast<u8>(text[++i]) : byte);
  }
  if (is_cut) out += "...";
  return out;
}

}  // namespace lunabeam::vm
