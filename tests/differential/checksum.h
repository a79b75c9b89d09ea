// CRC-32 as of zlib (polynomial 0xEDB88320, reflected).
#pragma once

#include <span>

#include "vm/base/ints.h"

namespace lunabeam::differential {

[[nodiscard]] u32 crc32(std::span<const u8> bytes);

}  // namespace lunabeam::differential
