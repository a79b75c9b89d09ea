// A path of the guest, copied out of its memory and checked, for a call in the blocking pool.
#pragma once

#include "wasi/call.h"
#include "wasi/charged_bytes.h"

namespace lunabeam::wasi {

class GuestPath {
 public:
  GuestPath() noexcept = default;
  // The path at [address, address + length). Bad ones: not UTF-8 kIlSeq, a NUL in it kInval, empty kNoEnt, PATH_MAX bytes or more
  // kNameTooLong. kTrap: outside the memory.
  [[nodiscard]] Outcome read(Process& process, u32 address, u32 length) noexcept;

  // Terminated by 0.
  [[nodiscard]] const char* c_str() const { return reinterpret_cast<const char*>(bytes_.data()); }

 private:
  ChargedBytes bytes_;
};

}  // namespace lunabeam::wasi
