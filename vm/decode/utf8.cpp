#include "vm/decode/utf8.h"

#include <cstring>

#include "vm/base/ints.h"

namespace lunabeam::vm {
namespace {

constexpr u64 kHighBits = 0x8080'8080'8080'8080;

[[nodiscard]] constexpr bool is_continuation(u8 byte) { return (byte & 0xC0) == 0x80; }

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  const u8* cur = reinterpret_cast<const u8*>(text.data());
  const u8* const end = cur + text.size();
  while (cur != end) {
    if (end - cur >= 8) {
      u64 word;
      std::memcpy(&word, cur, sizeof word);
      if ((word & kHighBits) == 0) {
        cur += 8;
        continue;
      }
    }
    const u8 lead = *cur++;
    if (lead < 0x80) continue;
    // Range of the second byte: narrower than 80..BF where a full range would admit overlong forms, surrogates or too large points.
    u8 low = 0x80;
    u8 high = 0xBF;
    int more;
    if (lead >= 0xC2 && lead <= 0xDF) {
      more = 1;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      more = 2;
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      more = 3;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    } else {
      return false;
    }
    if (end - cur < more) return false;
    if (*cur < low || *cur > high) return false;
    for (int i = 1; i < more; ++i) {
      if (!is_continuation(cur[i])) return false;
    }
    cur += more;
  }
  return true;
}

}  // namespace lunabeam::vm
