// The descriptors of one process: the standard streams of the host program (0, 1, 2), the preopened directories of its config (from
// 3 on, in order), and what it opened. The table is made when a process first needs more than its streams; until then a process
// costs nothing here. Descriptors are never inherited (ABI document 6.2).
//
// Threading: the process's owner.
#pragma once

#include "runtime/process.h"
#include "wasi/errno.h"
#include "wasi/file_types.h"
#include "wasi/open_file.h"

namespace lunabeam::wasi {

struct Descriptor {
  enum class Kind : u8 { kClosed, kStream, kFile, kDirectory };

  Kind kind = Kind::kClosed;
  u16 flags = 0;     // FdFlags. kDsync, kRsync and kSync are ours alone; the others are the host descriptor's too.
  int stream = -1;   // kStream: the host's descriptor 0, 1 or 2.
  i32 preopen = -1;  // Index among the preopens of the process's config, while it is that one.
  u64 rights = 0;
  u64 inheriting = 0;
  FileRef file = {};  // kFile, kDirectory.

  [[nodiscard]] bool is_open() const { return kind != Kind::kClosed; }
};

class FdTable {
 public:
  static constexpr u32 kStreams = 3;
  // Most descriptors a process may have.
  static constexpr u32 kMaxDescriptors = 4096;

  // The open descriptor `fd`; nullptr: there is none. Valid until the table changes.
  [[nodiscard]] static const Descriptor* find(runtime::Process& process, u32 fd) noexcept;
  // The same for changing it; nullptr: there is none, or no table could be made.
  [[nodiscard]] static Descriptor* find_writable(runtime::Process& process, u32 fd) noexcept;
  // The table itself, made now if need be. nullptr: memory or the VM's limit is exhausted.
  [[nodiscard]] static FdTable* of(runtime::Process& process) noexcept;

  // Puts a descriptor at the lowest free number from 3 on. kMFile, kNoMem: it was not put.
  [[nodiscard]] Errno add(Descriptor descriptor, u32& fd) noexcept;
  // Whether add() would find a place.
  [[nodiscard]] Errno check_room() noexcept;
  // Empties an open descriptor and returns what it held.
  [[nodiscard]] FileRef remove(u32 fd) noexcept;
  // Moves `from` over `to` and returns what `to` held. REQUIRES: both are open and differ.
  [[nodiscard]] FileRef move(u32 from, u32 to) noexcept;

 private:
  explicit FdTable(runtime::Process& process) noexcept;
  ~FdTable();
  static void destroy(void* table) noexcept;
  [[nodiscard]] Descriptor* at(u32 fd) noexcept {
    return fd < capacity_ && descriptors_[fd].is_open() ? &descriptors_[fd] : nullptr;
  }
  [[nodiscard]] bool fill(runtime::Process& process) noexcept;
  [[nodiscard]] bool reserve(u32 capacity) noexcept;

  runtime::MemoryBudget& budget_;
  runtime::BlockingPool* const pool_;  // nullptr: files are closed at once (deterministic mode).
  Descriptor* descriptors_ = nullptr;
  u32 capacity_ = 0;
  u32 lowest_ = kStreams;  // No free number from kStreams on is below.
};

}  // namespace lunabeam::wasi
