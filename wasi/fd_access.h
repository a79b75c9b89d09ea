// What a function may do with a descriptor of the guest: is it open, is it of the right kind, does it have the rights?
#pragma once

#include "wasi/fd_table.h"

namespace lunabeam::wasi {

// Descriptors that are not of the wanted kind answer as in the host we replace: a directory where a file is wanted is kBadF, a file
// where a directory is wanted kNotDir. Lacking the right to read or write is kBadF, lacking another one kNotCapable.

// An open file with `rights`. The standard streams pass without a look at their rights: functions treat them by themselves.
[[nodiscard]] inline Errno check_file(runtime::Process& process, u32 fd, u64 rights, const Descriptor*& out) noexcept {
  out = FdTable::find(process, fd);
  if (out == nullptr || out->kind == Descriptor::Kind::kDirectory) return Errno::kBadF;
  if (out->kind == Descriptor::Kind::kStream) return Errno::kSuccess;
  const u64 missing = rights & ~out->rights;
  if (missing == 0) return Errno::kSuccess;
  return (missing & (kFdRead | kFdWrite)) != 0 ? Errno::kBadF : Errno::kNotCapable;
}

// An open directory with `rights`.
[[nodiscard]] inline Errno check_directory(runtime::Process& process, u32 fd, u64 rights,
                                           const Descriptor*& out) noexcept {
  out = FdTable::find(process, fd);
  if (out == nullptr) return Errno::kBadF;
  if (out->kind != Descriptor::Kind::kDirectory) return Errno::kNotDir;
  return (rights & ~out->rights) == 0 ? Errno::kSuccess : Errno::kNotCapable;
}

// A file or directory with `rights`; the standard streams pass.
[[nodiscard]] inline Errno check_any(runtime::Process& process, u32 fd, u64 rights, const Descriptor*& out) noexcept {
  out = FdTable::find(process, fd);
  if (out == nullptr) return Errno::kBadF;
  if (out->kind == Descriptor::Kind::kStream) return Errno::kSuccess;
  return (rights & ~out->rights) == 0 ? Errno::kSuccess : Errno::kNotCapable;
}

[[nodiscard]] inline bool is_stream(const Descriptor* descriptor) {
  return descriptor->kind == Descriptor::Kind::kStream;
}

}  // namespace lunabeam::wasi
