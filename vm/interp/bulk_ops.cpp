// Bulk operations on memories and tables, growth, and segments. Those that take time in proportion to an operand are interruptible
// (rule R3): the whole range is checked first, then every step of 64 KiB is charged when it begins, and between two steps the
// operands in their temporaries say what is left, so that the operation can be left and started over at any of them.
#include <algorithm>
#include <cstring>

#include "vm/elem_values.h"
#include "vm/interp/engine_state.h"
#include "vm/interp/op_length.h"
#include "vm/reductions.h"
#include "vm/segment.h"
#include "vm/table.h"

namespace lunabeam::vm::interp {

namespace {

constexpr u64 kStepElements = kBulkStepBytes / sizeof(u64);

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

  void done() { save_ip(fp, ip + op_words(ip)); }

  ExecContext& exec;
  Ctx& ctx;
  u64* fp;
  const Insn* ip;
};

// Copying a shared image is charged to whoever writes first.
bool make_writable(Running& op, TableInst& table) {
  if (table.owned) return true;
  op.exec.reductions -= bulk_cost(table.size * sizeof(u64));
  return make_table_private(op.ctx, table);
}

// Runs step(n) for at most `limit` elements at a time until `left`, the temporary with the count, is 0 or the counter is used up.
Next in_steps(Running& op, u64& left, u64 limit, u64 element_bytes, auto step) {
  while (left != 0) {
    const u64 n = std::min(left, limit);
    op.exec.reductions -= bulk_step_cost(n * element_bytes);
    if (!step(n)) return raise(op.exec, TrapKind::kOutOfMemory);
    left -= n;
    if (op.exec.reductions < 0) {
      if (left == 0) op.done();
      return tick(op.exec, Next::kGo);
    }
  }
  op.done();
  return Next::kGo;
}

}  // namespace

Next memory_fill(ExecContext& exec) noexcept {
  Running op(exec);
  u64* const operands = op.fp + op.ip->f[0];  // Destination, value, count.
  const MemoryInst& memory = *op.ctx.memories[op.ip->f[1]];
  if (!in_range(memory.size_bytes, operands[0], operands[2])) return raise(exec, TrapKind::kOutOfBoundsMemoryAccess);
  return in_steps(op, operands[2], kBulkStepBytes, 1, [&](u64 n) {
    std::memset(memory.base + operands[0], static_cast<u8>(operands[1]), n);
    operands[0] += n;
    return true;
  });
}

Next memory_copy(ExecContext& exec) noexcept {
  Running op(exec);
  u64* const operands = op.fp + op.ip->f[0];  // Destination, source, count.
  const MemoryInst& to = *op.ctx.memories[op.ip->f[1]];
  const MemoryInst& from = *op.ctx.memories[op.ip->f[2]];
  if (!in_range(to.size_bytes, operands[0], operands[2]) || !in_range(from.size_bytes, operands[1], operands[2])) {
    return raise(exec, TrapKind::kOutOfBoundsMemoryAccess);
  }
  // Backward, only the count shrinks, so the direction comes out the same when the operation starts over.
  const bool backward = &to == &from && operands[0] > operands[1];
  return in_steps(op, operands[2], kBulkStepBytes, 1, [&](u64 n) {
    const u64 skip = backward ? operands[2] - n : 0;
    std::memmove(to.base + operands[0] + skip, from.base + operands[1] + skip, n);
    if (!backward) {
      operands[0] += n;
      operands[1] += n;
    }
    return true;
  });
}

Next memory_init(ExecContext& exec) noexcept {
  Running op(exec);
  u64* const operands = op.fp + op.ip->f[0];  // Destination, source, count.
  const MemoryInst& memory = *op.ctx.memories[op.ip->f[1]];
  const std::span<const u8> data = data_bytes(op.ctx, first_u32(op.ip[1]));
  if (!in_range(memory.size_bytes, operands[0], operands[2]) || !in_range(data.size(), operands[1], operands[2])) {
    return raise(exec, TrapKind::kOutOfBoundsMemoryAccess);
  }
  return in_steps(op, operands[2], kBulkStepBytes, 1, [&](u64 n) {
    std::memcpy(memory.base + operands[0], data.data() + operands[1], n);
    operands[0] += n;
    operands[1] += n;
    return true;
  });
}

Next table_fill(ExecContext& exec) noexcept {
  Running op(exec);
  u64* const operands = op.fp + op.ip->f[0];  // Start, count.
  TableInst& table = *op.ctx.tables[first_u32(op.ip[1])];
  if (!in_range(table.size, operands[0], operands[1])) return raise(exec, TrapKind::kOutOfBoundsTableAccess);
  return in_steps(op, operands[1], kStepElements, sizeof(u64), [&](u64 n) {
    if (!make_writable(op, table)) return false;
    fill_table_elements(table, operands[0], op.fp[op.ip->f[1]], n);
    operands[0] += n;
    return true;
  });
}

Next table_copy(ExecContext& exec) noexcept {
  Running op(exec);
  u64* const operands = op.fp + op.ip->f[0];  // Destination, source, count.
  TableInst& to = *op.ctx.tables[first_u32(op.ip[1])];
  const TableInst& from = *op.ctx.tables[second_u32(op.ip[1])];
  if (!in_range(to.size, operands[0], operands[2]) || !in_range(from.size, operands[1], operands[2])) {
    return raise(exec, TrapKind::kOutOfBoundsTableAccess);
  }
  const bool backward = &to == &from && operands[0] > operands[1];
  return in_steps(op, operands[2], kStepElements, sizeof(u64), [&](u64 n) {
    if (!make_writable(op, to)) return false;
    const u64 skip = backward ? operands[2] - n : 0;
    copy_table_elements(to, from, operands[0] + skip, operands[1] + skip, n);
    if (!backward) {
      operands[0] += n;
      operands[1] += n;
    }
    return true;
  });
}

Next table_init(ExecContext& exec) noexcept {
  Running op(exec);
  u64* const operands = op.fp + op.ip->f[0];  // Destination, source, count.
  const u32 elem = first_u32(op.ip[1]);
  TableInst& table = *op.ctx.tables[second_u32(op.ip[1])];
  if (!in_range(table.size, operands[0], operands[2]) || !in_range(elem_size(op.ctx, elem), operands[1], operands[2])) {
    return raise(exec, TrapKind::kOutOfBoundsTableAccess);
  }
  return in_steps(op, operands[2], kStepElements, sizeof(u64), [&](u64 n) {
    if (!make_writable(op, table)) return false;
    if (!init_table_elements(op.ctx, table, elem, operands[0], operands[1], n, nullptr)) return false;
    operands[0] += n;
    operands[1] += n;
    return true;
  });
}

Next memory_grow(ExecContext& exec) noexcept {
  Running op(exec);
  MemoryInst& memory = *op.ctx.memories[op.ip->f[2]];
  const u64 old_pages = vm::grow_memory(op.ctx, memory, op.fp[op.ip->f[0]]);
  op.fp[op.ip->f[1]] = memory.address_type == AddressType::kI32 ? static_cast<u32>(old_pages) : old_pages;
  op.done();
  return Next::kGo;
}

Next table_grow(ExecContext& exec) noexcept {
  Running op(exec);
  TableInst& table = *op.ctx.tables[first_u32(op.ip[1])];
  const bool was_owned = table.owned;
  const u64 size_before = table.size;
  const u64 old_size = vm::grow_table(op.ctx, table, op.fp[op.ip->f[0]], op.fp[op.ip->f[1]]);
  const u64 copied = !was_owned && table.owned ? size_before : 0;  // From the shared image.
  exec.reductions -= bulk_cost((copied + (table.size - size_before)) * sizeof(u64));
  op.fp[op.ip[1].f[2]] = table.address_type == AddressType::kI32 ? static_cast<u32>(old_size) : old_size;
  op.done();
  return exec.reductions < 0 ? tick(exec, Next::kGoResult) : Next::kGoResult;
}

Next table_set(ExecContext& exec) noexcept {
  Running op(exec);
  TableInst& table = *op.ctx.tables[first_u32(op.ip[1])];
  const u64 index = op.fp[op.ip->f[0]];
  if (index >= table.size) return raise(exec, TrapKind::kOutOfBoundsTableAccess);
  if (!make_writable(op, table)) return raise(exec, TrapKind::kOutOfMemory);
  table.elems[index] = op.fp[op.ip->f[1]];
  op.done();
  return exec.reductions < 0 ? tick(exec, Next::kGo) : Next::kGo;
}

Next data_drop(ExecContext& exec) noexcept {
  Running op(exec);
  drop_data(op.ctx, first_u32(op.ip[1]));
  op.done();
  return Next::kGo;
}

Next elem_drop(ExecContext& exec) noexcept {
  Running op(exec);
  drop_elem(op.ctx, first_u32(op.ip[1]));
  forget_elem_values(op.ctx, first_u32(op.ip[1]));
  op.done();
  return Next::kGo;
}

Next ref_func(ExecContext& exec) noexcept {
  Running op(exec);
  op.fp[op.ip->f[0]] = func_ref(op.ctx, first_u32(op.ip[1]));
  op.done();
  return Next::kGo;
}

}  // namespace lunabeam::vm::interp
