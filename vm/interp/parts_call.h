// Calls, tail calls and returns (vm/frame.h). What a call needs before it can happen (room on the stack, translated code, a type
// check that takes a lookup) is fetched by a cold handler, after which the operation starts over: nothing has been changed by then.
#pragma once

#include <atomic>

#include "vm/base/check.h"
#include "vm/interp/part.h"

namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE {

VM_ALWAYS_INLINE const FuncCode* whole_code(const Insn& word) {
  return reinterpret_cast<const FuncCode*>(whole_u64(word));
}
// The low 48 bits; the last field is the call's d.
VM_ALWAYS_INLINE const FuncCode* short_code(const Insn& word) {
  return reinterpret_cast<const FuncCode*>(whole_u64(word) & ((u64{1} << 48) - 1));
}

// What is being called, where its frame goes, where it begins.
struct Callee {
  const FuncCode* code;
  u64* fp;
  const Insn* start;
};

// Where `code`'s frame is to end. Returns the cold handler to run first, if any.
VM_ALWAYS_INLINE Handler prepare(Regs& r, const FuncCode* code, u64* frame_end, Callee& callee) {
  u64* const fp = frame_end - code->frame_words;
#if defined(LUNABEAM_TORTURE)
  // Ask at every call: the stack moves. A guest may have the token in its accumulator as well, so the limit counts all the same.
  const bool full = r.acc != kRoomToken || fp < r.ctx->stack_limit;
#else
  const bool full = fp < r.ctx->stack_limit;
#endif
  if (full) [[unlikely]] {
    r.acc = fp < r.fp ? static_cast<u64>(r.fp - fp) : 0;
    return &slow_grow;
  }
  const Insn* const start = code->code.load(std::memory_order_acquire);
  // Entry cost and code are published together: read neither before the function is translated.
  if (start->op == op_id(Special::lazy)) [[unlikely]] {
    r.acc = reinterpret_cast<u64>(code);
    return &slow_translate;
  }
  callee = Callee{code, fp, start};
  return nullptr;
}

// Switches to the callee, whose slots are filled; charges its entry (rule R1).
VM_ALWAYS_INLINE Handler enter(Regs& r, const Callee& callee) {
  callee.fp[0] = reinterpret_cast<u64>(callee.code);
  r.fp = callee.fp;
  r.ip = callee.start;
  r.acc = reinterpret_cast<u64>(callee.code);  // Dead; this is what its register holds at the moment.
  poison_accumulators(r);
  return charge(r, callee.code->entry_cost) ? &slow_tick : nullptr;
}

VM_ALWAYS_INLINE void enter_instance(Regs& r, Ctx* ctx) {
  switch_ctx(*ctx->exec, ctx);
  r.ctx = ctx;
  r.limit = ctx->mem0_limit;
  r.mem = ctx->mem0;
}

// A call to `code` in the instance that runs, from the call at ip of `words` words. put(slots) writes the arguments.
// NoRefs: the callee is known to have no reference slots.
template <bool NoRefs = false>
VM_ALWAYS_INLINE Handler call(Regs& r, const FuncCode* code, u32 words, auto put) {
  Callee callee;
  if (const Handler slow = prepare(r, code, r.fp, callee)) [[unlikely]]
    return slow;
  if constexpr (NoRefs) {
    VM_DCHECK(code->ref_base == code->num_slots);
    clear_words(callee.fp + kSlotBase + code->num_params, code->zero_words);
  } else {
    clear_locals(callee.fp, *code);
  }
  put(callee.fp + kSlotBase);
  r.fp[-1] = kReturnToInterp;
  save_ip(r.fp, r.ip + words);
  return enter(r, callee);
}
// A call into another instance: behind a restore frame (rule P2).
VM_ALWAYS_INLINE Handler call_instance(Regs& r, const FuncCode* code, Ctx* ctx, u32 words, auto put) {
  Callee callee;
  u64* const restore = r.fp - sizeof(RestoreFrame) / sizeof(u64);
  if (const Handler slow = prepare(r, code, restore, callee)) [[unlikely]]
    return slow;
  clear_locals(callee.fp, *code);
  put(callee.fp + kSlotBase);
  restore[0] = reinterpret_cast<u64>(r.ctx);
  restore[1] = kReturnToInterp;
  restore[-1] = kReturnRestore;
  save_ip(r.fp, r.ip + words);
  enter_instance(r, ctx);
  return enter(r, callee);
}

// Puts a packed operand list: first the values that are no references, then the references.
VM_ALWAYS_INLINE auto put_list(const u64* fp, const u16* operands, u32 num, u32 ref, const FuncCode* code) {
  return [=](u64* slots) __attribute__((always_inline)) {
    for (u32 i = 0; i < num; ++i) slots[i] = fp[operands[i]];
    for (u32 i = 0; i < ref; ++i) slots[code->ref_base + i] = fp[operands[num + i]];
  };
}

// --- Direct calls ----------------------------------------------------------------------------------------------------

template <u32 Args>
struct CallFast {
  static constexpr u32 kWords = Args <= 3 ? 2 : 3;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    const FuncCode* const code = Args <= 3 ? short_code(ip[1]) : whole_code(ip[1]);
    return call<true>(r, code, kWords, [fp = r.fp, ip](u64* slots) __attribute__((always_inline)) {
      for (u32 i = 0; i < Args; ++i) slots[i] = fp[i < 3 ? ip->f[i] : packed(ip + 2)[i - 3]];
    });
  }
};
template <>
struct Part<op_id(Special::call_0)> : CallFast<0> {};
template <>
struct Part<op_id(Special::call_1)> : CallFast<1> {};
template <>
struct Part<op_id(Special::call_2)> : CallFast<2> {};
template <>
struct Part<op_id(Special::call_3)> : CallFast<3> {};
template <>
struct Part<op_id(Special::call_4)> : CallFast<4> {};
template <>
struct Part<op_id(Special::call_5)> : CallFast<5> {};
template <>
struct Part<op_id(Special::call_6)> : CallFast<6> {};

template <>
struct Part<op_id(Special::call)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const u32 num = r.ip->f[0];
    const u32 ref = r.ip->f[1];
    const FuncCode* const code = whole_code(r.ip[1]);
    return call(r, code, 2 + packed_words(num + ref, 2), put_list(r.fp, packed(r.ip + 2), num, ref, code));
  }
};

// Puts num words from `nums` and ref references from `refs`.
VM_ALWAYS_INLINE auto put_ranges(const u64* nums, u32 num, const u64* refs, u32 ref, const FuncCode* code) {
  return [=](u64* slots) __attribute__((always_inline)) {
    std::memcpy(slots, nums, num * sizeof(u64));
    std::memcpy(slots + code->ref_base, refs, ref * sizeof(u64));
  };
}

template <>
struct Part<op_id(Special::call_range)> {
  static constexpr u32 kWords = 3;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    const FuncCode* const code = whole_code(ip[1]);
    return call(r, code, kWords, put_ranges(r.fp + ip->f[0], ip->f[1], r.fp + ip->f[2], packed(ip + 2)[0], code));
  }
};

template <>
struct Part<op_id(Special::call_import)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const u32 num = r.ip->f[0];
    const u32 ref = r.ip->f[1];
    const FuncInst* const inst = r.ctx->imported_funcs[low_u32(r.ip[1])];
    return call_instance(r, inst->code, inst->ctx, 2 + packed_words(num + ref, 2),
                         put_list(r.fp, packed(r.ip + 2), num, ref, inst->code));
  }
};

// --- Indirect calls --------------------------------------------------------------------------------------------------

// The function that a call_indirect means, after the three checks of the spec in their order. ctx is null when it belongs to the
// instance that runs.
struct Target {
  const FuncCode* code;
  Ctx* ctx;
};
// REQUIRES: ref is not null.
VM_ALWAYS_INLINE Target target_of(const Regs& r, u64 ref) {
  if (tag_of(ref) == kRefTagFuncInst) {
    const FuncInst* const inst = func_inst_of(ref);
    return {inst->code, inst->ctx == r.ctx ? nullptr : inst->ctx};
  }
  return {reinterpret_cast<const FuncCode*>(ref), nullptr};
}
VM_ALWAYS_INLINE Handler find_target(Regs& r, const TableInst& table, u64 index, u32 type, Target& target) {
  if (index >= table.size) [[unlikely]]
    return trap(r, TrapKind::kUndefinedElement, index);
  const u64 ref = table.elems[index];
  if (ref == 0) [[unlikely]]
    return trap(r, TrapKind::kUninitializedElement, index);
  target = target_of(r, ref);
  const u32 actual = static_cast<u32>(target.code->type);
  if (actual != type) [[unlikely]] {
    const u64 pair = u64{actual} << 32 | type;
    if (r.ctx->exec->matched_types != pair) {
      r.acc = pair;
      return &slow_type_check;
    }
  }
  return nullptr;
}
VM_ALWAYS_INLINE Handler call_target(Regs& r, const TableInst& table, u64 index, u32 type, u32 words, auto make_put) {
  Target target;
  if (const Handler slow = find_target(r, table, index, type, target)) [[unlikely]]
    return slow;
  if (target.ctx != nullptr) [[unlikely]]
    return call_instance(r, target.code, target.ctx, words, make_put(target.code));
  return call(r, target.code, words, make_put(target.code));
}

template <u32 Args>
struct CallIndirectFast {
  static constexpr u32 kWords = 2;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    return call_target(r, *r.ctx->tables[0], r.fp[ip->f[0]], low_u32(ip[1]), kWords,
                       [&r, ip](const FuncCode*) __attribute__((always_inline)) {
                         return [fp = r.fp, ip](u64* slots) __attribute__((always_inline)) {
                           for (u32 i = 0; i < Args; ++i) slots[i] = fp[i < 2 ? ip->f[1 + i] : packed(ip + 1)[2]];
                         };
                       });
  }
};
template <>
struct Part<op_id(Special::call_indirect_0)> : CallIndirectFast<0> {};
template <>
struct Part<op_id(Special::call_indirect_1)> : CallIndirectFast<1> {};
template <>
struct Part<op_id(Special::call_indirect_2)> : CallIndirectFast<2> {};
template <>
struct Part<op_id(Special::call_indirect_3)> : CallIndirectFast<3> {};

template <>
struct Part<op_id(Special::call_indirect)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    const u32 num = ip->f[1];
    const u32 ref = ip->f[2];
    return call_target(r, *r.ctx->tables[high_u32(ip[1])], r.fp[ip->f[0]], low_u32(ip[1]),
                       2 + packed_words(num + ref, 2),
                       [&r, ip, num, ref](const FuncCode* code)
                           __attribute__((always_inline)) { return put_list(r.fp, packed(ip + 2), num, ref, code); });
  }
};

template <>
struct Part<op_id(Special::call_indirect_range)> {
  static constexpr u32 kWords = 3;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    return call_target(r, *r.ctx->tables[high_u32(ip[1])], r.fp[ip->f[0]], low_u32(ip[1]), kWords,
                       [&r, ip](const FuncCode* code) __attribute__((always_inline)) {
                         return put_ranges(r.fp + ip->f[1], packed(ip + 2)[0], r.fp + ip->f[2], packed(ip + 2)[1],
                                           code);
                       });
  }
};

// --- Calls of references ----------------------------------------------------------------------------------------------

// The static type of the reference answers for the target's type: null is all that is left to check.
VM_ALWAYS_INLINE Handler call_reference(Regs& r, u64 ref, u32 words, auto make_put) {
  if (ref == 0) [[unlikely]]
    return trap(r, TrapKind::kNullFunctionReference);
  const Target target = target_of(r, ref);
  if (target.ctx != nullptr) [[unlikely]]
    return call_instance(r, target.code, target.ctx, words, make_put(target.code));
  return call(r, target.code, words, make_put(target.code));
}

template <u32 Args>
struct CallRefFast {
  static constexpr u32 kWords = 2;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    return call_reference(r, r.fp[ip->f[0]], kWords, [&r, ip](const FuncCode*) __attribute__((always_inline)) {
      return [fp = r.fp, ip](u64* slots) __attribute__((always_inline)) {
        for (u32 i = 0; i < Args; ++i) slots[i] = fp[i < 2 ? ip->f[1 + i] : packed(ip + 1)[0]];
      };
    });
  }
};
template <>
struct Part<op_id(Special::call_ref_0)> : CallRefFast<0> {};
template <>
struct Part<op_id(Special::call_ref_1)> : CallRefFast<1> {};
template <>
struct Part<op_id(Special::call_ref_2)> : CallRefFast<2> {};
template <>
struct Part<op_id(Special::call_ref_3)> : CallRefFast<3> {};

template <>
struct Part<op_id(Special::call_ref)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    const u32 num = ip->f[1];
    const u32 ref = ip->f[2];
    return call_reference(r, r.fp[ip->f[0]], 1 + packed_words(num + ref, 2),
                          [&r, ip, num, ref](const FuncCode* code) __attribute__((always_inline)) {
                            return put_list(r.fp, packed(ip + 1), num, ref, code);
                          });
  }
};

template <>
struct Part<op_id(Special::call_ref_range)> {
  static constexpr u32 kWords = 2;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    return call_reference(r, r.fp[ip->f[0]], kWords, [&r, ip](const FuncCode* code) __attribute__((always_inline)) {
      return put_ranges(r.fp + ip->f[1], packed(ip + 1)[0], r.fp + ip->f[2], packed(ip + 1)[1], code);
    });
  }
};

// --- Tail calls ------------------------------------------------------------------------------------------------------

// Replaces the top frame by one of `code`, under the same return word. ctx: the other instance to switch to, or null; then a
// restore frame goes between, unless the frame returns to one already (rule P2). Arguments travel through the worker's
// transfer area, because the new frame overlaps the old one: gather(values) puts them there, references last.
VM_ALWAYS_INLINE Handler tail_call(Regs& r, const FuncCode* code, Ctx* ctx, u32 num, u32 ref, auto gather) {
  u64* frame_end = r.fp + frame_function(r.fp)->frame_words;
  const u64 return_word = frame_end[-1];
  const bool restores = ctx != nullptr && return_word != kReturnRestore;
  if (restores) frame_end -= sizeof(RestoreFrame) / sizeof(u64);
  Callee callee;
  if (const Handler slow = prepare(r, code, frame_end, callee)) [[unlikely]]
    return slow;
  u64* const values = r.ctx->exec->transfer;
  gather(values);
  if (restores) {
    frame_end[0] = reinterpret_cast<u64>(r.ctx);
    frame_end[1] = return_word;
  }
  if (ctx != nullptr) enter_instance(r, ctx);
  clear_locals(callee.fp, *code);
  for (u32 i = 0; i < num; ++i) callee.fp[kSlotBase + i] = values[i];
  for (u32 i = 0; i < ref; ++i) callee.fp[kSlotBase + code->ref_base + i] = values[num + i];
  frame_end[-1] = restores ? u64{kReturnRestore} : return_word;
  return enter(r, callee);
}

// Gathers a packed operand list, or two ranges.
VM_ALWAYS_INLINE auto from_list(const u64* fp, const u16* operands, u32 n) {
  return [=](u64* values) __attribute__((always_inline)) {
    for (u32 i = 0; i < n; ++i) values[i] = fp[operands[i]];
  };
}
VM_ALWAYS_INLINE auto from_ranges(const u64* nums, u32 num, const u64* refs, u32 ref) {
  return [=](u64* values) __attribute__((always_inline)) {
    std::memcpy(values, nums, num * sizeof(u64));
    std::memcpy(values + num, refs, ref * sizeof(u64));
  };
}

template <>
struct Part<op_id(Special::return_call)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const u32 num = r.ip->f[0];
    const u32 ref = r.ip->f[1];
    return tail_call(r, whole_code(r.ip[1]), nullptr, num, ref, from_list(r.fp, packed(r.ip + 2), num + ref));
  }
};
template <>
struct Part<op_id(Special::return_call_range)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    const u32 num = ip->f[1];
    const u32 ref = packed(ip + 2)[0];
    return tail_call(r, whole_code(ip[1]), nullptr, num, ref, from_ranges(r.fp + ip->f[0], num, r.fp + ip->f[2], ref));
  }
};
template <>
struct Part<op_id(Special::return_call_import)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const FuncInst* const inst = r.ctx->imported_funcs[low_u32(r.ip[1])];
    const u32 num = r.ip->f[0];
    const u32 ref = r.ip->f[1];
    return tail_call(r, inst->code, inst->ctx == r.ctx ? nullptr : inst->ctx, num, ref,
                     from_list(r.fp, packed(r.ip + 2), num + ref));
  }
};
template <>
struct Part<op_id(Special::return_call_indirect)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    Target target;
    if (const Handler slow = find_target(r, *r.ctx->tables[high_u32(ip[1])], r.fp[ip->f[0]], low_u32(ip[1]), target))
        [[unlikely]]
      return slow;
    const u32 num = ip->f[1];
    const u32 ref = ip->f[2];
    return tail_call(r, target.code, target.ctx, num, ref, from_list(r.fp, packed(ip + 2), num + ref));
  }
};
template <>
struct Part<op_id(Special::return_call_indirect_range)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    Target target;
    if (const Handler slow = find_target(r, *r.ctx->tables[high_u32(ip[1])], r.fp[ip->f[0]], low_u32(ip[1]), target))
        [[unlikely]]
      return slow;
    const u32 num = packed(ip + 2)[0];
    const u32 ref = packed(ip + 2)[1];
    return tail_call(r, target.code, target.ctx, num, ref, from_ranges(r.fp + ip->f[1], num, r.fp + ip->f[2], ref));
  }
};

template <>
struct Part<op_id(Special::return_call_ref)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    const u64 callee = r.fp[ip->f[0]];
    if (callee == 0) [[unlikely]]
      return trap(r, TrapKind::kNullFunctionReference);
    const Target target = target_of(r, callee);
    const u32 num = ip->f[1];
    const u32 ref = ip->f[2];
    return tail_call(r, target.code, target.ctx, num, ref, from_list(r.fp, packed(ip + 1), num + ref));
  }
};
template <>
struct Part<op_id(Special::return_call_ref_range)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    const u64 callee = r.fp[ip->f[0]];
    if (callee == 0) [[unlikely]]
      return trap(r, TrapKind::kNullFunctionReference);
    const Target target = target_of(r, callee);
    const u32 num = packed(ip + 1)[0];
    const u32 ref = packed(ip + 1)[1];
    return tail_call(r, target.code, target.ctx, num, ref, from_ranges(r.fp + ip->f[1], num, r.fp + ip->f[2], ref));
  }
};

// --- Returns ---------------------------------------------------------------------------------------------------------

// Pops a frame of `words` words with the result `bits`; the accumulator that it belongs in is set already.
VM_ALWAYS_INLINE Handler return_bits(Regs& r, u32 words, u64 bits) {
  if (r.fp[words - 1] != kReturnToInterp) [[unlikely]] {
    r.acc = bits;
    return &slow_return_value;
  }
  r.fp += words;
  r.ip = saved_ip(r.fp);
  r.fp[result_operand(r.ip)] = bits;
  return nullptr;
}

template <>
struct Part<op_id(Special::ret_0)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const u32 words = r.ip->f[0];
    if (r.fp[words - 1] != kReturnToInterp) [[unlikely]]
      return &slow_return_nothing;
    r.fp += words;
    r.ip = saved_ip(r.fp);
    return nullptr;
  }
};
template <>
struct Part<op_id(Special::ret_S)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    r.acc = r.fp[r.ip->f[0]];
    return return_bits(r, r.ip->f[1], r.acc);
  }
};
template <>
struct Part<op_id(Special::ret_A)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) { return return_bits(r, r.ip->f[0], r.acc); }
};
template <>
struct Part<op_id(Special::ret_I)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    r.acc = r.ip->f[0];
    return return_bits(r, r.ip->f[1], r.acc);
  }
};
template <>
struct Part<op_id(Special::ret_SF)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const u64 bits = r.fp[r.ip->f[0]];
    r.facc = std::bit_cast<f64>(bits);
    return return_bits(r, r.ip->f[1], bits);
  }
};
template <>
struct Part<op_id(Special::ret_F)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) { return return_bits(r, r.ip->f[0], std::bit_cast<u64>(r.facc)); }
};
template <>
struct Part<op_id(Special::ret_F32)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) { return return_bits(r, r.ip->f[0], slot_bits(low_f32(r.facc))); }
};

template <>
struct Part<op_id(Special::ret_V)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const u32 words = r.ip->f[1];
    if (r.fp[words - 1] != kReturnToInterp) [[unlikely]]
      return &slow_return_vector;
    u64 value[2];
    std::memcpy(value, r.fp + r.ip->f[0], sizeof value);
    r.fp += words;
    r.ip = saved_ip(r.fp);
    std::memcpy(r.fp + result_operand(r.ip), value, sizeof value);
    return nullptr;
  }
};

// The imported function of another instance takes the thunk's place. It gets the thunk's parameters as they lie.
template <>
struct Part<op_id(Special::import_thunk)> {
  static constexpr u32 kWords = 1;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const FuncCode& thunk = *frame_function(r.fp);
    const FuncInst* const inst = r.ctx->imported_funcs[thunk.func_index];
    u64* frame_end = r.fp + thunk.frame_words;
    const u64 return_word = frame_end[-1];
    const bool restores = inst->ctx != r.ctx && return_word != kReturnRestore;
    if (restores) frame_end -= sizeof(RestoreFrame) / sizeof(u64);
    const FuncCode* const code = inst->code;
    Callee callee;
    if (const Handler slow = prepare(r, code, frame_end, callee)) [[unlikely]]
      return slow;
    u64* const values = r.ctx->exec->transfer;
    const u32 num = thunk.num_params;
    const u32 ref = thunk.ref_params;
    std::memcpy(values, r.fp + kSlotBase, num * sizeof(u64));
    std::memcpy(values + num, r.fp + kSlotBase + thunk.ref_base, ref * sizeof(u64));
    if (restores) {
      frame_end[0] = reinterpret_cast<u64>(r.ctx);
      frame_end[1] = return_word;
    }
    if (inst->ctx != r.ctx) enter_instance(r, inst->ctx);
    clear_locals(callee.fp, *code);
    std::memcpy(callee.fp + kSlotBase, values, num * sizeof(u64));
    std::memcpy(callee.fp + kSlotBase + code->ref_base, values + num, ref * sizeof(u64));
    frame_end[-1] = restores ? u64{kReturnRestore} : return_word;
    return enter(r, callee);
  }
};

// --- Host calls ------------------------------------------------------------------------------------------------------

template <>
struct Part<op_id(Special::call_host)> {
  static constexpr u32 kWords = 0;
  VM_ALWAYS_INLINE static Handler exec(Regs& r) {
    const Insn* const ip = r.ip;
    const u32 args = ip->f[0];
    const u16* const operands = packed(ip + 2);
    const auto* const function = reinterpret_cast<const HostFunction*>(whole_u64(ip[1]));
    const Insn* const behind = ip + 2 + packed_words(args, 2);
    ExecContext& exec = *r.ctx->exec;
    u64* const io = exec.transfer;
    for (u32 i = 0; i < args; ++i) io[i] = r.fp[operands[i]];
    save_ip(r.fp, behind);
    exec.fp = r.fp;
    exec.reductions = static_cast<i64>(r.reds) - function->cost;
    const HostStatus status = function->call(exec, io);
    if (status != HostStatus::kDone) [[unlikely]] {
      r.acc = static_cast<u64>(status);
      return &slow_host_status;
    }
    r.fp = exec.fp;
    const u32 results = r.ip->f[1];
    const u32 d = result_operand(behind);
    for (u32 i = 0; i < results; ++i) r.fp[d + i] = exec.transfer[i];
    r.mem = r.ctx->mem0;
    r.limit = r.ctx->mem0_limit;
    r.acc = exec.transfer[0];
    r.facc = std::bit_cast<f64>(r.acc);
    r.reds = static_cast<u64>(exec.reductions);
    r.ip = behind;
    if (exec.reductions < 0) [[unlikely]]
      return results != 0 ? &slow_tick_result : &slow_tick;
    return nullptr;
  }
};

}  // namespace lunabeam::vm::interp::VM_DISPATCH_NAMESPACE
