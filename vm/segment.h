// Element and data segments of an instance: their current size (0 once dropped) and dropping. Active segments count as dropped
// after instantiation, declarative ones from the start (fact sheet, section 10).
#pragma once

#include <span>

#include "vm/instance.h"
#include "vm/module.h"

namespace lunabeam::vm {

// Bits of Ctx::dropped: element segments, then data segments.
[[nodiscard]] inline bool segment_bit(const Ctx& ctx, u64 bit) {
  return (ctx.dropped[bit / 64] >> (bit % 64) & 1) != 0;
}
inline void set_segment_bit(Ctx& ctx, u64 bit) { ctx.dropped[bit / 64] |= u64{1} << (bit % 64); }

[[nodiscard]] inline bool is_elem_dropped(const Ctx& ctx, u32 elem) { return segment_bit(ctx, elem); }
[[nodiscard]] inline bool is_data_dropped(const Ctx& ctx, u32 data) {
  return segment_bit(ctx, ctx.module->elems.size() + data);
}
inline void drop_elem(Ctx& ctx, u32 elem) { set_segment_bit(ctx, elem); }
inline void drop_data(Ctx& ctx, u32 data) { set_segment_bit(ctx, ctx.module->elems.size() + data); }

// Items of an element segment, 0 when dropped.
[[nodiscard]] inline u64 elem_size(const Ctx& ctx, u32 elem) {
  return is_elem_dropped(ctx, elem) ? 0 : ctx.module->elems[elem].items.size();
}
// Bytes of a data segment, empty when dropped.
[[nodiscard]] inline std::span<const u8> data_bytes(const Ctx& ctx, u32 data) {
  if (is_data_dropped(ctx, data)) return {};
  const DataSegment& segment = ctx.module->datas[data];
  return {ctx.module->bytes.data() + segment.begin, segment.end - segment.begin};
}

}  // namespace lunabeam::vm
