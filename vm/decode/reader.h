// A cursor over the bytes of a module. Every read is bounds-checked; the first failure is kept in the reader, so that hot loops
// pass booleans instead of errors.
#pragma once

#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vm/base/error.h"
#include "vm/base/leb.h"

namespace lunabeam::vm {

// Invariant 1: begin <= cur <= end, all inside the module's bytes.
// Invariant 2: reads that return false have set error(); nothing may be read after that.
class Reader {
 public:
  // Reads [begin, end) of `bytes`; offsets are those of `bytes`. REQUIRES: begin <= end <= bytes.size().
  Reader(std::span<const u8> bytes, size_t begin, size_t end)
      : base_(bytes.data()), cur_(bytes.data() + begin), end_(bytes.data() + end) {}

  [[nodiscard]] u32 pos() const { return static_cast<u32>(cur_ - base_); }
  [[nodiscard]] size_t remaining() const { return static_cast<size_t>(end_ - cur_); }
  [[nodiscard]] bool at_end() const { return cur_ == end_; }
  void seek(u32 pos) { cur_ = base_ + pos; }
  // Where the remaining() bytes are.
  [[nodiscard]] const u8* cursor() const { return cur_; }

  // The error of the read that failed. REQUIRES: one did.
  [[nodiscard]] const Error& error() const { return *error_; }
  [[nodiscard]] Error take_error() { return *std::move(error_); }
  // Notes an error and returns false.
  [[gnu::cold, gnu::noinline]] bool fail(ErrorCode code, u64 offset, std::string detail = {}) {
    error_ = Error{code, offset, std::move(detail)};
    return false;
  }

  [[nodiscard]] bool read_byte(u8& value) {
    if (cur_ == end_) [[unlikely]]
      return fail(ErrorCode::kUnexpectedEnd, pos());
    value = *cur_++;
    return true;
  }
  // The next byte, or -1 at the end.
  [[nodiscard]] int peek() const { return cur_ == end_ ? -1 : *cur_; }

  [[nodiscard]] bool read_u32(u32& value) {
    if (cur_ != end_ && *cur_ < 0x80) [[likely]] {
      value = *cur_++;
      return true;
    }
    return read_two_bytes(value) || check(read_unsigned_leb<32>(cur_, end_, value));
  }
  [[nodiscard]] bool read_u64(u64& value) {
    if (cur_ != end_ && *cur_ < 0x80) [[likely]] {
      value = *cur_++;
      return true;
    }
    return read_two_bytes(value) || check(read_unsigned_leb<64>(cur_, end_, value));
  }
  [[nodiscard]] bool read_s32(i32& value) {
    if (cur_ != end_ && *cur_ < 0x80) [[likely]] {
      value = static_cast<i32>(static_cast<u32>(*cur_++) << 25) >> 25;
      return true;
    }
    if (u32 bits = 0; read_two_bytes(bits)) {
      value = static_cast<i32>(bits << 18) >> 18;
      return true;
    }
    return check(read_signed_leb<32>(cur_, end_, value));
  }
  [[nodiscard]] bool read_s33(i64& value) { return check(read_signed_leb<33>(cur_, end_, value)); }
  [[nodiscard]] bool read_s64(i64& value) { return check(read_signed_leb<64>(cur_, end_, value)); }

  // Fixed-width little-endian values.
  [[nodiscard]] bool read_fixed32(u32& value) { return read_fixed(&value, sizeof value); }
  [[nodiscard]] bool read_fixed64(u64& value) { return read_fixed(&value, sizeof value); }

  [[nodiscard]] bool skip(size_t size) {
    if (remaining() < size) [[unlikely]]
      return fail(ErrorCode::kUnexpectedEnd, pos() + remaining());
    cur_ += size;
    return true;
  }

  // Number of elements of a vector: at most the bytes left, since every element takes one at least.
  [[nodiscard]] bool read_count(u32& count) {
    if (!read_u32(count)) return false;
    if (count > remaining()) [[unlikely]]
      return fail(ErrorCode::kUnexpectedEnd, pos() + remaining());
    return true;
  }
  // Size in bytes of a section, a body or a name: at most the bytes left.
  [[nodiscard]] bool read_size(u32& size) {
    const u32 start = pos();
    if (!read_u32(size)) return false;
    if (size > remaining()) [[unlikely]]
      return fail(ErrorCode::kLengthOutOfBounds, start);
    return true;
  }

  // A name: length, then UTF-8. The view points into the module's bytes.
  [[nodiscard]] bool read_name(std::string_view& name);

 private:
  // An integer of two bytes, after one that was not of one byte: most offsets, function indices and addresses of statics are. False:
  // nothing was read. REQUIRES: at the end, or at a byte that is not the last of its integer.
  template <class T>
  [[nodiscard]] bool read_two_bytes(T& value) {
    if (remaining() < 2 || cur_[1] >= 0x80) return false;
    value = static_cast<T>((cur_[0] & 0x7F) | cur_[1] << 7);
    cur_ += 2;
    return true;
  }
  [[nodiscard]] bool check(LebStatus status) {
    if (status == LebStatus::kOk) [[likely]]
      return true;
    return fail_leb(status);
  }
  bool fail_leb(LebStatus status);
  [[nodiscard]] bool read_fixed(void* value, size_t size) {
    if (remaining() < size) [[unlikely]]
      return fail(ErrorCode::kUnexpectedEnd, pos() + remaining());
    std::memcpy(value, cur_, size);  // The format and every supported machine are little-endian.
    cur_ += size;
    return true;
  }

  const u8* base_;
  const u8* cur_;
  const u8* end_;
  std::optional<Error> error_;
};

}  // namespace lunabeam::vm
