#include "vm/text/byte_writer.h"

#include "vm/base/check.h"

namespace lunabeam::vm::text {

void ByteWriter::fixed32(u32 value) {
  for (unsigned shift = 0; shift < 32; shift += 8) byte(static_cast<u8>(value >> shift));
}

void ByteWriter::fixed64(u64 value) {
  for (unsigned shift = 0; shift < 64; shift += 8) byte(static_cast<u8>(value >> shift));
}

void ByteWriter::append(const ByteWriter& other) {
  VM_DCHECK(&other != this);
  if (keeps_marks_) {
    const u32 base = static_cast<u32>(bytes_.size());
    for (const PositionMark& mark : other.marks_) marks_.push_back({base + mark.binary, mark.text});
  }
  bytes(other.bytes_);
}

void ByteWriter::append_sized(const ByteWriter& other) {
  unsigned_leb(other.size());
  append(other);
}

void ByteWriter::truncate(size_t size) {
  VM_DCHECK(size <= bytes_.size());
  bytes_.resize(size);
  // A mark at the new end spoke of a byte that is gone.
  while (!marks_.empty() && marks_.back().binary >= size) marks_.pop_back();
}

}  // namespace lunabeam::vm::text
