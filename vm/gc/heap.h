// The garbage-collected heap of a process (engine.md 8): one space that objects are allocated from by bumping a pointer, and a
// Cheney collector that copies what is alive into a new one. A process that allocates nothing has no heap: 0 bytes.
//
// A collection happens at an allocation only, and there at any: after an allocation that may collect, every reference must be read
// again from where the collector finds it. It looks at
//   * the reference section of every interpreter frame of the process stack (vm/frame.h),
//   * the globals and the private tables of every instance of the ExecContext, and its evaluated element segments,
//   * ExecContext::exception, and the ranges of ExecContext::roots (RootScope).
// Not at the transfer area: whoever has references there must be done with them before the next allocation.
// It moves exactly what lies in the space: null, i31, references of the host and of functions are what they were.
//
// Size: a space has at least kFirstSpaceBytes; the next one is twice as large when more than half of it is alive after a
// collection, and a heap that has become much too large moves to a smaller one. A heap is charged twice its space all the time: what
// may grow can also be collected, however close the limit is.
// Cost: a collection is charged 1 reduction per 64 bytes copied and per 64 bytes of roots looked at, to exec.reductions, which
// may be below zero afterwards: the operation that allocated must tick when it is done.
//
// Threading: the thread that runs the process.
#pragma once

#include "vm/exec_context.h"
#include "vm/gc/object.h"

namespace lunabeam::vm::gc {

inline constexpr u64 kFirstSpaceBytes = 1024;
// Behind the last object: whole words may be written over the end of a field there.
inline constexpr u64 kSlackBytes = 8;
inline constexpr u64 kBytesPerReduction = 64;

// At the beginning of every space; the objects follow. Invariant 1: `bytes` is what the space was allocated with.
struct SpaceHeader {
  u64 bytes = 0;
  u64 next_bytes = 0;   // What the next collection asks for.
  u64 floor_bytes = 0;  // As large as the roots are worth: the space does not shrink below.
  u64 live_bytes = 0;   // Of objects that survived the last one.
  u64 collections = 0;
};
static_assert(sizeof(SpaceHeader) % 8 == 0);

// `bytes` of uninitialised space for one object, a multiple of 8; nullptr: there is not enough left in the space, and the object must
// be allocated with allocate(). Never collects. Torture builds: always nullptr.
[[nodiscard]] inline u8* try_allocate(ExecContext& exec, u64 bytes) noexcept {
#if defined(LUNABEAM_TORTURE)
  static_cast<void>(exec);
  static_cast<void>(bytes);
  return nullptr;
#else
  u8* const at = exec.heap_next;
  if (bytes > static_cast<u64>(exec.heap_end - at)) [[unlikely]]
    return nullptr;
  exec.heap_next = at + bytes;
  return at;
#endif
}
// The same, but collects and grows as need be; nullptr: the process's limit or memory is exhausted (trap: out of memory).
// REQUIRES: exec.fp is current; bytes is a multiple of 8. The object must be complete before the next allocation.
[[nodiscard]] u8* allocate(ExecContext& exec, u64 bytes) noexcept;

// An array of `length` elements, uninitialised but for the header. array_header: Layout::header. 0: out of memory, also for lengths
// that no array can have.
[[nodiscard]] u64 allocate_array(ExecContext& exec, u64 array_header, u64 length) noexcept;

// An exception of `tag`, whose function type is func_type, with `words` zeroed words for its parameters. May collect. 0: out of memory.
[[nodiscard]] u64 allocate_exception(ExecContext& exec, const TagInst* tag, TypeId func_type, u32 words) noexcept;
// REQUIRES: ref is a reference to an exception.
[[nodiscard]] inline const TagInst* exception_tag(u64 ref) {
  u64 tag;
  std::memcpy(&tag, bytes_at(ref) + kHeaderBytes, sizeof tag);
  return reinterpret_cast<const TagInst*>(tag);
}
[[nodiscard]] inline u64* exception_words(u64 ref) { return reinterpret_cast<u64*>(ref) + 2; }

// Collects now. For tests; false: there was no memory for the other space.
bool collect(ExecContext& exec) noexcept;

// Frees the heap. No reference to an object may be used any more.
void destroy_heap(ExecContext& exec) noexcept;

// Figures of the heap: all 0 without one.
struct HeapStats {
  u64 space_bytes = 0;
  u64 used_bytes = 0;  // Objects, dead ones included.
  u64 collections = 0;
};
[[nodiscard]] HeapStats heap_stats(const ExecContext& exec) noexcept;

// Words on the C stack that are references, seen by the collector while this object lives. LIFO. `count` may change meanwhile.
class RootScope {
 public:
  RootScope(ExecContext& exec, u64* words, const u64* count) noexcept
      : words_(words), count_(count), exec_(exec), below_(exec.roots) {
    exec.roots = this;
  }
  ~RootScope() { exec_.roots = below_; }
  RootScope(const RootScope&) = delete;
  RootScope& operator=(const RootScope&) = delete;

  [[nodiscard]] u64* words() const { return words_; }
  [[nodiscard]] u64 count() const { return *count_; }
  [[nodiscard]] const RootScope* below() const { return below_; }

 private:
  u64* const words_;
  const u64* const count_;
  ExecContext& exec_;
  const RootScope* const below_;
};

}  // namespace lunabeam::vm::gc
