// What the translator keeps for open blocks and for branches whose target or cost is not known yet. All growth is nothrow.
#pragma once

#include <cstdlib>
#include <span>
#include <type_traits>

#include "vm/base/check.h"
#include "vm/interp/catch_table.h"
#include "vm/types.h"
#include "vm/validate/sink.h"

namespace lunabeam::vm::interp {

// A nothrow vector of plain data. After a failure elements are overwritten in place and failed() is true.
template <class T>
class Buffer {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { std::free(data_); }

  [[nodiscard]] bool open(u32 capacity) noexcept {
    data_ = static_cast<T*>(std::malloc((u64{capacity} + 1) * sizeof(T)));
    capacity_ = capacity + 1;
    return data_ != nullptr;
  }
  // REQUIRES: open() succeeded.
  T& push(const T& value) noexcept {
    if (size_ == capacity_) [[unlikely]]
      grow();
    data_[size_] = value;
    return data_[size_++];
  }
  void pop() noexcept { --size_; }
  [[nodiscard]] T& operator[](u32 index) noexcept {
    VM_DCHECK(index < size_ || failed_);
    return data_[index];
  }
  [[nodiscard]] u32 size() const noexcept { return size_; }
  [[nodiscard]] bool failed() const noexcept { return failed_; }

 private:
  [[gnu::cold, gnu::noinline]] void grow() noexcept {
    const u64 wanted = u64{capacity_} * 2;
    T* data = wanted > 0xFFFF'FFFE ? nullptr : static_cast<T*>(std::realloc(data_, wanted * sizeof(T)));
    if (data == nullptr) {
      failed_ = true;
      --size_;
      return;
    }
    data_ = data;
    capacity_ = static_cast<u32>(wanted);
  }

  T* data_ = nullptr;
  u32 size_ = 0;
  u32 capacity_ = 0;
  bool failed_ = false;
};

// A set of branches of one function, by number.
class BranchSet {
 public:
  BranchSet() = default;
  BranchSet(const BranchSet&) = delete;
  BranchSet& operator=(const BranchSet&) = delete;
  ~BranchSet() { std::free(bits_); }

  // False: out of memory.
  bool insert(u32 number) noexcept { return insert_word(number / 64, u64{1} << (number % 64)); }
  bool insert(const BranchSet& other) noexcept {
    for (u32 i = 0; i < other.words_; ++i) {
      if (other.bits_[i] != 0 && !insert_word(i, other.bits_[i])) return false;
    }
    return true;
  }
  [[nodiscard]] bool contains(u32 number) const noexcept {
    return number / 64 < words_ && (bits_[number / 64] >> (number % 64) & 1) != 0;
  }
  [[nodiscard]] bool empty() const noexcept { return empty_; }

 private:
  bool insert_word(u32 index, u64 bits) noexcept {
    if (index >= words_) {
      const u32 words = index * 2 + 16;
      auto* grown = static_cast<u64*>(std::realloc(bits_, words * sizeof(u64)));
      if (grown == nullptr) return false;
      for (u32 i = words_; i < words; ++i) grown[i] = 0;
      bits_ = grown;
      words_ = words;
    }
    bits_[index] |= bits;
    empty_ = false;
    return true;
  }

  u64* bits_ = nullptr;
  u32 words_ = 0;
  bool empty_ = true;
};

// Parameter or result types of a block. Lists longer than one belong to a canonical function type and live as long as the module,
// so only a single type has to be copied.
class TypeList {
 public:
  TypeList() = default;
  explicit TypeList(std::span<const ValType> types) : many_(types.data()), size_(static_cast<u32>(types.size())) {
    if (size_ == 1) one_ = types[0];
  }
  [[nodiscard]] u32 size() const { return size_; }
  [[nodiscard]] std::span<const ValType> types() const { return {size_ == 1 ? &one_ : many_, size_}; }

 private:
  const ValType* many_ = nullptr;
  u32 size_ = 0;
  ValType one_;
};

// A branch that was emitted. Lists of them are linked through `next`.
struct Fixup {
  u32 word;    // Where its offset is: in field `field` of this word (16 bits), or in f[1..2] when field == kWideField,
  u32 origin;  // relative to this position.
  u32 next;
  u32 number;  // Of compare-branches (BranchSet).
  u8 field;
};
inline constexpr u8 kWideField = 3;
inline constexpr u8 kCatchField = 4;  // No branch: `word` is an entry of the catch table, its target a position.
inline constexpr u32 kNoFixup = 0xFFFF'FFFF;

// All fixups of the function; freed ones are used again, so that its size follows the branches open at a time.
class FixupPool {
 public:
  [[nodiscard]] bool open() noexcept { return pool_.open(64); }
  void add(u32* list, Fixup fixup) noexcept {
    fixup.next = *list;
    if (free_ != kNoFixup) {
      *list = free_;
      free_ = pool_[*list].next;
      pool_[*list] = fixup;
    } else {
      pool_.push(fixup);
      *list = pool_.size() - 1;
    }
  }
  // Takes one off the list.
  Fixup take(u32* list) noexcept {
    const u32 index = *list;
    const Fixup fixup = pool_[index];
    pool_[index].next = free_;
    free_ = index;
    *list = fixup.next;
    return fixup;
  }
  [[nodiscard]] bool failed() const noexcept { return pool_.failed(); }

 private:
  Buffer<Fixup> pool_;
  u32 free_ = kNoFixup;
};

// An open block.
struct Control {
  BlockKind kind = BlockKind::kBlock;
  bool has_else = false;      // else_() was seen, or the block is no kIf.
  u32 height = 0;             // Operands below the block's parameters.
  u32 home[2] = {0, 0};       // First temporaries (non-references, references) of what a branch to it carries.
  u32 header = 0;             // kLoop: position of the loop header.
  u32 fixups = kNoFixup;      // Branches to its end; for a loop its back-edges.
  u32 else_fixup = kNoFixup;  // kIf: the branch that skips the first arm.
  u32 table = 0xFFFF'FFFF;    // Position of the br_table that has a trampoline to this block ...
  u32 trampoline = 0;         // ... and of that.
  u32 range = kNoCatch;       // Of the catch table: the innermost one that code directly in the block is in ...
  u32 own_range = kNoCatch;   // ... and kTry, kCatch: that of its first arm.
  u64 outer_ops = 0;          // kLoop: operators of the surrounding loop counted so far.
  TypeList params;
  TypeList results;

  // Values that a branch carries.
  [[nodiscard]] u32 arity() const { return kind == BlockKind::kLoop ? params.size() : results.size(); }
};

class ControlStack {
 public:
  [[nodiscard]] bool open() noexcept { return stack_.open(32); }
  void push(const Control& control) noexcept { stack_.push(control); }
  void pop() noexcept { stack_.pop(); }
  [[nodiscard]] u32 size() const noexcept { return stack_.size(); }
  // depth as in the binary format: 0 = innermost.
  [[nodiscard]] Control& label(u32 depth) noexcept { return stack_[stack_.size() - 1 - depth]; }
  [[nodiscard]] bool failed() const noexcept { return stack_.failed(); }

 private:
  Buffer<Control> stack_;
};

}  // namespace lunabeam::vm::interp
