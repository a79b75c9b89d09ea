#include "tests/differential/checksum.h"

#include <array>
#include <bit>
#include <cstring>

namespace lunabeam::differential {
namespace {

// tables[k][b]: CRC of byte b followed by k zero bytes.
constexpr std::array<std::array<u32, 256>, 8> kCrcTables = [] {
  std::array<std::array<u32, 256>, 8> tables{};
  for (u32 byte = 0; byte < 256; ++byte) {
    u32 crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB8'8320 : 0);
    tables[0][byte] = crc;
  }
  for (u32 k = 1; k < 8; ++k) {
    for (u32 byte = 0; byte < 256; ++byte) {
      const u32 before = tables[k - 1][byte];
      tables[k][byte] = before >> 8 ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}();

}  // namespace

u32 crc32(std::span<const u8> bytes) {
  static_assert(std::endian::native == std::endian::little);
  u32 crc = 0xFFFF'FFFF;
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    u64 word;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    word ^= crc;
    crc = 0;
    for (u32 k = 0; k < 8; ++k) crc ^= kCrcTables[7 - k][word >> 8 * k & 0xFF];
  }
  for (; at < bytes.size(); ++at) crc = crc >> 8 ^ kCrcTables[0][(crc ^ bytes[at]) & 0xFF];
  return ~crc;
}

}  // namespace lunabeam::differential
