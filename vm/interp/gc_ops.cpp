// Cold parts of the operations on the garbage-collected heap. What takes time in proportion to an operand is interruptible (rule R3):
// the whole range is checked first, and between two steps the count in its temporary says what is left. Steps go from the end of
// the range to its beginning, so that nothing but the count changes; only copies within one array may have to go the other way.
#include "vm/interp/gc_ops.h"

#include <algorithm>

#include "vm/elem_values.h"
#include "vm/gc/heap.h"
#include "vm/gc/layout.h"
#include "vm/interp/gc_access.h"
#include "vm/interp/op_length.h"
#include "vm/segment.h"
#include "vm/type_registry.h"

namespace lunabeam::vm::interp {

namespace {

bool in_range(u64 size, u64 begin, u64 count) { return count <= size && begin <= size - count; }

u32 first_u32(const Insn& word) {
  u32 value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}
u32 second_u32(const Insn& word) {
  u32 value;
  std::memcpy(&value, &word.f[1], sizeof value);
  return value;
}

// The operation at the top frame's saved ip.
struct Running {
  explicit Running(ExecContext& context) : exec(context), ctx(*context.ctx), fp(context.fp), ip(saved_ip(fp)) {}

  void done(u32 words) { save_ip(fp, ip + words); }

  ExecContext& exec;
  Ctx& ctx;
  u64* fp;
  const Insn* ip;
};

// The operation is behind itself; a collection may have used up the counter.
Next go_on(ExecContext& exec) { return exec.reductions < 0 ? tick(exec, Next::kGo) : Next::kGo; }
Next out_of_memory(ExecContext& exec) { return raise(exec, TrapKind::kOutOfMemory); }

// Runs step(n) for at most a step's elements at a time until `left`, the temporary with the count, is 0 or the counter is used up.
// A step finds in `left` how many elements there are to do, itself included.
Next in_steps(Running& op, u32 words, u64& left, u32 element_log2, auto step) {
  const u64 limit = kBulkStepBytes >> element_log2;
  while (left != 0) {
    const u64 n = std::min(left, limit);
    op.exec.reductions -= bulk_step_cost(n << element_log2);
    step(n);
    left -= n;
    if (op.exec.reductions < 0) {
      if (left == 0) op.done(words);
      return tick(op.exec, Next::kGo);
    }
  }
  op.done(words);
  return Next::kGo;
}

template <class T>
void fill_as(u8* elements, u64 begin, u64 count, T value) {
  u8* at = elements + begin * sizeof(T);
  for (u64 i = 0; i < count; ++i, at += sizeof(T)) std::memcpy(at, &value, sizeof(T));
}

}  // namespace

void fill_elements(u8* elements, u32 element_log2, u64 begin, u64 count, const u64* value) noexcept {
  struct Vector {
    u64 halves[2];
  };
  switch (element_log2) {
    case 0: fill_as(elements, begin, count, static_cast<u8>(*value)); break;
    case 1: fill_as(elements, begin, count, static_cast<u16>(*value)); break;
    case 2: fill_as(elements, begin, count, static_cast<u32>(*value)); break;
    case 3: fill_as(elements, begin, count, *value); break;
    default: fill_as(elements, begin, count, Vector{{value[0], value[1]}}); break;
  }
}

// --- Allocation ------------------------------------------------------------------------------------------------------

Next struct_new(ExecContext& exec) noexcept {
  Running op(exec);
  u8* const object = gc::allocate(exec, gc::length_of(header_word(op.ip)));
  if (object == nullptr) return out_of_memory(exec);
  write_fields(object, op.fp, op.ip);
  op.fp[op.ip->f[1]] = reinterpret_cast<u64>(object);
  op.done(struct_new_words(op.ip->f[0]));
  return go_on(exec);
}

Next struct_new_range(ExecContext& exec) noexcept {
  Running op(exec);
  const u64 header = header_word(op.ip);
  u8* const object = gc::allocate(exec, gc::length_of(header));
  if (object == nullptr) return out_of_memory(exec);
  const TypeRegistry& registry = TypeRegistry::global();
  const std::vector<FieldType>& fields = registry.get(gc::type_of(header)).fields;
  const std::vector<u32>& offsets = registry.layout(gc::type_of(header)).fields;
  const u64* num = op.fp + first_u32(op.ip[2]);
  const u64* ref = op.fp + second_u32(op.ip[2]);
  write_word(object, header);
  for (size_t i = 0; i < fields.size(); ++i) {
    const ValType storage = fields[i].storage;
    for (u32 k = 0; k < storage.slots(); ++k) {
      write_word(object + offsets[i] + k * sizeof(u64), *(storage.is_ref() ? ref : num)++);
    }
  }
  op.fp[op.ip->f[0]] = reinterpret_cast<u64>(object);
  op.done(3);
  exec.reductions -= bulk_cost(gc::length_of(header));
  return go_on(exec);
}

Next struct_new_default(ExecContext& exec) noexcept {
  Running op(exec);
  const u64 header = header_word(op.ip);
  u8* const object = gc::allocate(exec, gc::length_of(header));
  if (object == nullptr) return out_of_memory(exec);
  write_empty_struct(object, header);
  op.fp[op.ip->f[0]] = reinterpret_cast<u64>(object);
  op.done(2);
  if (gc::length_of(header) > kSmallObjectBytes) exec.reductions -= bulk_cost(gc::length_of(header));
  return go_on(exec);
}

namespace {

// Allocates the array of the operation at ip; its length is in slot f[0]. 0: out of memory.
u64 new_array(Running& op) {
  return gc::allocate_array(op.exec, header_word(op.ip), static_cast<u32>(op.fp[op.ip->f[0]]));
}

// Puts the value into the last element, for array_fill_all to spread over the others, whose number becomes the count.
void begin_fill(Running& op, u64 ref, const u64* value) {
  const u64 header = gc::header_at(ref);
  const u64 length = gc::length_of(header);
  if (length == 0) return;
  fill_elements(gc::array_elements(ref), gc::element_log2_of(header), length - 1, 1, value);
  op.fp[op.ip->f[0]] = length - 1;
}

}  // namespace

// The result may go to the slot that the value is in: it is written last.
Next array_new(ExecContext& exec) noexcept {
  Running op(exec);
  const u64 ref = new_array(op);
  if (ref == 0) return out_of_memory(exec);
  const u64 header = gc::header_at(ref);
  const u64* const value = op.fp + op.ip->f[1];
  const bool small = gc::object_bytes(header) <= kSmallObjectBytes;
  if (small) {
    write_filled_array(gc::bytes_at(ref), header, value);
  } else {
    begin_fill(op, ref, value);
  }
  op.fp[op.ip->f[2]] = ref;
  op.done(small ? kArrayNewWords : 2);
  return go_on(exec);
}

Next array_new_x(ExecContext& exec) noexcept {
  Running op(exec);
  const u64 ref = new_array(op);
  if (ref == 0) return out_of_memory(exec);
  begin_fill(op, ref, op.fp + first_u32(op.ip[2]));
  op.fp[op.ip->f[2]] = ref;
  op.done(3);
  return go_on(exec);
}

Next array_new_default(ExecContext& exec) noexcept {
  Running op(exec);
  const u64 ref = new_array(op);
  if (ref == 0) return out_of_memory(exec);
  const u64 header = gc::header_at(ref);
  const u64 bytes = gc::object_bytes(header);
  const bool small = bytes <= kSmallObjectBytes;
  if (small) write_empty_array(gc::bytes_at(ref), header, bytes);
  op.fp[op.ip->f[2]] = ref;
  op.done(small ? kArrayNewWords : 2);
  return go_on(exec);
}

Next array_alloc(ExecContext& exec) noexcept {
  Running op(exec);
  const u64 ref = new_array(op);
  if (ref == 0) return out_of_memory(exec);
  op.fp[op.ip->f[2]] = ref;
  op.done(2);
  return go_on(exec);
}

Next array_new_fixed(ExecContext& exec) noexcept {
  Running op(exec);
  u8* const object = gc::allocate(exec, gc::object_bytes(header_word(op.ip)));
  if (object == nullptr) return out_of_memory(exec);
  write_elements(object, op.fp, op.ip);
  op.fp[op.ip->f[1]] = reinterpret_cast<u64>(object);
  op.done(2 + packed_words(op.ip->f[0], 0));
  return go_on(exec);
}

Next array_new_fixed_range(ExecContext& exec) noexcept {
  Running op(exec);
  const u64 header = header_word(op.ip);
  const u64 bytes = gc::object_bytes(header);
  u8* const object = gc::allocate(exec, bytes);
  if (object == nullptr) return out_of_memory(exec);
  const u32 log2 = gc::element_log2_of(header);
  const u64 words = u64{gc::length_of(header)} << (log2 == 4 ? 1 : 0);
  const u32 step = 1u << std::min(log2, 3u);
  const u64* value = op.fp + first_u32(op.ip[2]);
  write_word(object, header);
  u8* at = object + gc::kHeaderBytes;
  for (u64 i = 0; i < words; ++i, at += step) write_word(at, *value++);
  op.fp[op.ip->f[0]] = reinterpret_cast<u64>(object);
  op.done(3);
  exec.reductions -= bulk_cost(bytes);
  return go_on(exec);
}

Next array_new_data(ExecContext& exec) noexcept {
  Running op(exec);
  const u64* const operands = op.fp + op.ip->f[0];  // Start, count.
  const u64 header = header_word(op.ip);
  const u64 size = data_bytes(op.ctx, first_u32(op.ip[2])).size();
  if (!in_range(size, operands[0], operands[1] << gc::element_log2_of(header))) {
    return raise(exec, TrapKind::kOutOfBoundsMemoryAccess);
  }
  const u64 ref = gc::allocate_array(exec, header, operands[1]);
  if (ref == 0) return out_of_memory(exec);
  op.fp[op.ip->f[1]] = ref;
  op.done(3);
  return go_on(exec);
}

Next array_new_elem(ExecContext& exec) noexcept {
  Running op(exec);
  const u64* const operands = op.fp + op.ip->f[0];  // Start, count.
  if (!in_range(elem_size(op.ctx, first_u32(op.ip[2])), operands[0], operands[1])) {
    return raise(exec, TrapKind::kOutOfBoundsTableAccess);
  }
  const u64 ref = gc::allocate_array(exec, header_word(op.ip), operands[1]);
  if (ref == 0) return out_of_memory(exec);
  op.fp[op.ip->f[1]] = ref;
  op.done(3);
  return go_on(exec);
}

// --- Filling and copying ---------------------------------------------------------------------------------------------

Next array_fill_all(ExecContext& exec) noexcept {
  Running op(exec);
  u64& left = op.fp[op.ip->f[0]];
  const u64 ref = op.fp[op.ip->f[1]];
  const u64 header = gc::header_at(ref);
  const u32 log2 = gc::element_log2_of(header);
  u64 value[2] = {0, 0};
  if (left != 0) {
    std::memcpy(value, gc::array_elements(ref) + (u64{gc::length_of(header) - 1} << log2), u64{1} << log2);
  }
  return in_steps(op, 1, left, log2, [&](u64 n) { fill_elements(gc::array_elements(ref), log2, left - n, n, value); });
}

Next array_clear(ExecContext& exec) noexcept {
  Running op(exec);
  u64& left = op.fp[op.ip->f[0]];
  const u64 ref = op.fp[op.ip->f[1]];
  const u32 log2 = gc::element_log2_of(gc::header_at(ref));
  return in_steps(op, 1, left, log2,
                  [&](u64 n) { std::memset(gc::array_elements(ref) + ((left - n) << log2), 0, n << log2); });
}

Next array_load_data(ExecContext& exec) noexcept {
  Running op(exec);
  u64* const operands = op.fp + op.ip->f[0];  // Start, count.
  const u64 ref = op.fp[op.ip->f[1]];
  const u32 log2 = gc::element_log2_of(gc::header_at(ref));
  const u8* const data = data_bytes(op.ctx, first_u32(op.ip[1])).data() + operands[0];
  u64& left = operands[1];
  return in_steps(op, 2, left, log2, [&](u64 n) {
    const u64 at = (left - n) << log2;
    std::memcpy(gc::array_elements(ref) + at, data + at, n << log2);
  });
}

namespace {

// Elements [dst, dst + count) become the items from src on. Nothing is allocated: items that would are evaluated already.
void copy_items(const Ctx& ctx, u32 elem, u64 src, u64 count, u64* to) {
  for (u64 i = 0; i < count; ++i) to[i] = elem_item(ctx, elem, src + i);
}
u64* reference_elements(u64 ref) { return reinterpret_cast<u64*>(gc::array_elements(ref)); }

}  // namespace

Next array_load_elem(ExecContext& exec) noexcept {
  Running op(exec);
  u64* const operands = op.fp + op.ip->f[0];  // Start, count.
  const u64 ref = op.fp[op.ip->f[1]];
  u64& left = operands[1];
  return in_steps(op, 2, left, 3, [&](u64 n) {
    copy_items(op.ctx, first_u32(op.ip[1]), operands[0] + left - n, n, reference_elements(ref) + left - n);
  });
}

Next array_fill(ExecContext& exec) noexcept {
  Running op(exec);
  const u64 begin = op.fp[op.ip->f[0]];
  u64& left = op.fp[op.ip->f[1]];
  const u64 ref = op.fp[op.ip->f[2]];
  if (ref == 0) return raise(exec, TrapKind::kNullArrayReference);
  const u64 header = gc::header_at(ref);
  if (!in_range(gc::length_of(header), begin, left)) return raise(exec, TrapKind::kOutOfBoundsArrayAccess);
  const u32 log2 = gc::element_log2_of(header);
  return in_steps(op, 2, left, log2, [&](u64 n) {
    fill_elements(gc::array_elements(ref), log2, begin + left - n, n, op.fp + op.ip[1].op);
  });
}

Next array_copy(ExecContext& exec) noexcept {
  Running op(exec);
  u64* const operands = op.fp + op.ip->f[0];  // Destination, source, count.
  const u64 to = op.fp[op.ip->f[1]];
  const u64 from = op.fp[op.ip->f[2]];
  if (to == 0 || from == 0) return raise(exec, TrapKind::kNullArrayReference);
  if (!in_range(gc::array_length(to), operands[0], operands[2]) ||
      !in_range(gc::array_length(from), operands[1], operands[2])) {
    return raise(exec, TrapKind::kOutOfBoundsArrayAccess);
  }
  const u32 log2 = gc::element_log2_of(gc::header_at(to));
  // Backward, only the count shrinks, so the direction comes out the same when the operation starts over.
  const bool backward = to != from || operands[0] > operands[1];
  u64& left = operands[2];
  return in_steps(op, 1, left, log2, [&](u64 n) {
    const u64 skip = backward ? left - n : 0;
    std::memmove(gc::array_elements(to) + ((operands[0] + skip) << log2),
                 gc::array_elements(from) + ((operands[1] + skip) << log2), n << log2);
    if (!backward) {
      operands[0] += n;
      operands[1] += n;
    }
  });
}

Next array_init_data(ExecContext& exec) noexcept {
  Running op(exec);
  u64* const operands = op.fp + op.ip->f[0];  // Destination, source, count.
  const u64 ref = op.fp[op.ip->f[1]];
  if (ref == 0) return raise(exec, TrapKind::kNullArrayReference);
  const u64 header = gc::header_at(ref);
  const u32 log2 = gc::element_log2_of(header);
  u64& left = operands[2];
  const std::span<const u8> data = data_bytes(op.ctx, first_u32(op.ip[1]));
  if (!in_range(gc::length_of(header), operands[0], left)) return raise(exec, TrapKind::kOutOfBoundsArrayAccess);
  if (!in_range(data.size(), operands[1], left << log2)) return raise(exec, TrapKind::kOutOfBoundsMemoryAccess);
  return in_steps(op, 2, left, log2, [&](u64 n) {
    const u64 at = (left - n) << log2;
    std::memcpy(gc::array_elements(ref) + (operands[0] << log2) + at, data.data() + operands[1] + at, n << log2);
  });
}

Next array_init_elem(ExecContext& exec) noexcept {
  Running op(exec);
  u64* const operands = op.fp + op.ip->f[0];  // Destination, source, count.
  const u32 elem = first_u32(op.ip[1]);
  const u64 ref = op.fp[op.ip->f[1]];
  if (ref == 0) return raise(exec, TrapKind::kNullArrayReference);
  u64& left = operands[2];
  if (!in_range(gc::array_length(ref), operands[0], left)) return raise(exec, TrapKind::kOutOfBoundsArrayAccess);
  if (!in_range(elem_size(op.ctx, elem), operands[1], left)) return raise(exec, TrapKind::kOutOfBoundsTableAccess);
  return in_steps(op, 2, left, 3, [&](u64 n) {
    const u64 at = left - n;
    copy_items(op.ctx, elem, operands[1] + at, n, reference_elements(ref) + operands[0] + at);
  });
}

// --- Fields of large structs -----------------------------------------------------------------------------------------

Next struct_get_x(ExecContext& exec) noexcept {
  Running op(exec);
  const u64 ref = op.fp[op.ip->f[0]];
  if (ref == 0) return raise(exec, TrapKind::kNullStructureReference);
  const u8* const at = gc::bytes_at(ref) + first_u32(op.ip[1]);
  u64 words[2] = {0, 0};
  const auto cell = static_cast<Cell>(op.ip->f[1]);
  switch (cell) {
    case Cell::kI8: words[0] = static_cast<u32>(static_cast<i8>(*at)); break;
    case Cell::kU8: words[0] = *at; break;
    case Cell::kI16: {
      i16 value;
      std::memcpy(&value, at, sizeof value);
      words[0] = static_cast<u32>(value);
      break;
    }
    case Cell::kU16: std::memcpy(words, at, 2); break;
    case Cell::k32:
    case Cell::kF32: std::memcpy(words, at, 4); break;
    case Cell::k64:
    case Cell::kF64: std::memcpy(words, at, 8); break;
    case Cell::kV128: std::memcpy(words, at, 16); break;
  }
  op.fp[op.ip->f[2]] = words[0];
  if (cell == Cell::kV128) op.fp[op.ip->f[2] + 1] = words[1];
  op.done(2);
  return Next::kGo;
}

Next struct_set_x(ExecContext& exec) noexcept {
  Running op(exec);
  const u64 ref = op.fp[op.ip->f[0]];
  if (ref == 0) return raise(exec, TrapKind::kNullStructureReference);
  u8* const at = gc::bytes_at(ref) + first_u32(op.ip[1]);
  static constexpr u8 kBytes[] = {1, 1, 2, 2, 4, 8, 4, 8, 16};
  std::memcpy(at, op.fp + op.ip->f[2], kBytes[op.ip->f[1]]);
  op.done(2);
  return Next::kGo;
}

}  // namespace lunabeam::vm::interp
