// Writes the binary format: LEBs, vectors, sections, and marks that tell which place of the text a byte came from.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "vm/base/ints.h"

namespace lunabeam::vm::text {

// The byte at `binary` came from the text at `text`.
struct PositionMark {
  u32 binary;
  u32 text;
};

class ByteWriter {
 public:
  explicit ByteWriter(bool keeps_marks = false) : keeps_marks_(keeps_marks) {}

  void byte(u8 value) { bytes_.push_back(value); }
  void u32_leb(u32 value) { unsigned_leb(value); }
  void u64_leb(u64 value) { unsigned_leb(value); }
  void s32_leb(i32 value) { signed_leb(value); }
  void s33_leb(i64 value) { signed_leb(value); }
  void s64_leb(i64 value) { signed_leb(value); }
  void fixed32(u32 value);
  void fixed64(u64 value);
  void bytes(std::span<const u8> data) { bytes_.insert(bytes_.end(), data.begin(), data.end()); }
  void bytes(std::string_view data) { bytes_.insert(bytes_.end(), data.begin(), data.end()); }
  // Length, then the bytes.
  void name(std::string_view text) {
    unsigned_leb(text.size());
    bytes(text);
  }
  // Appends another writer's bytes and marks.
  void append(const ByteWriter& other);
  // Appends the other's size as a LEB, then its bytes and marks: bodies, sections.
  void append_sized(const ByteWriter& other);

  // The next byte comes from the text at `text_offset`.
  void mark(u32 text_offset) {
    if (keeps_marks_) marks_.push_back({static_cast<u32>(bytes_.size()), text_offset});
  }
  [[nodiscard]] bool keeps_marks() const { return keeps_marks_; }

  [[nodiscard]] size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] std::span<const u8> view() const { return bytes_; }
  [[nodiscard]] const std::vector<PositionMark>& marks() const { return marks_; }
  void clear() {
    bytes_.clear();
    marks_.clear();
  }
  void truncate(size_t size);
  [[nodiscard]] std::vector<u8> take_bytes() { return std::move(bytes_); }
  [[nodiscard]] std::vector<PositionMark> take_marks() { return std::move(marks_); }

 private:
  void unsigned_leb(u64 value) {
    while (value >= 0x80) {
      bytes_.push_back(static_cast<u8>(value | 0x80));
      value >>= 7;
    }
    bytes_.push_back(static_cast<u8>(value));
  }
  void signed_leb(i64 value) {
    while (value < -64 || value > 63) {
      bytes_.push_back(static_cast<u8>(value | 0x80));
      value >>= 7;
    }
    bytes_.push_back(static_cast<u8>(value & 0x7F));
  }

  std::vector<u8> bytes_;
  std::vector<PositionMark> marks_;
  bool keeps_marks_;
};

}  // namespace lunabeam::vm::text
