// Runs of plain operators, which are most of a body: numeric operators, constants, locals and accesses of the first memory, on operands
// of exactly the types that they want. The stack's top, the cursor and nothing else are in registers. Whatever is not plain,
// malformed and invalid operators among it, ends the run before it is read: the general rules decide. Included by
// function_validator.h.
#pragma once

#include "vm/validate/function_validator.h"

namespace lunabeam::vm {

namespace detail {

enum class PlainStep : u8 { kNone, kLocalGet, kLocalSet, kLocalTee, kI32Const, kNumeric, kLoad, kStore };

// A row of opcodes.def as a run needs it.
struct PlainRule {
  PlainStep step = PlainStep::kNone;
  u8 num_params = 0;  // kNumeric: 1 or 2.
  u8 width_log2 = 0;  // Of accesses.
  Opcode op{};
  std::array<ValType, 2> params;  // kStore: the value is the last.
  ValType result;
};

inline constexpr bool is_plain_feature(Feature feature) {
  return feature == Feature::kMvp || feature == Feature::kSignExtension;
}

[[nodiscard]] constexpr PlainStep plain_step(Opcode op) {
  switch (op) {
    case Opcode::local_get: return PlainStep::kLocalGet;
    case Opcode::local_set: return PlainStep::kLocalSet;
    case Opcode::local_tee: return PlainStep::kLocalTee;
    case Opcode::i32_const: return PlainStep::kI32Const;
    default: break;
  }
  const OpcodeInfo& row = info(op);
  if (row.is_special()) return PlainStep::kNone;
  if (row.immediate == Immediate::kMemArg) return row.results().empty() ? PlainStep::kStore : PlainStep::kLoad;
  const size_t num_params = row.params().size();
  const bool is_numeric =
      row.immediate == Immediate::kNone && row.results().size() == 1 && (num_params == 1 || num_params == 2);
  return is_numeric ? PlainStep::kNumeric : PlainStep::kNone;
}

// By the byte that encodes them.
inline constexpr auto kPlainRules = [] {
  std::array<PlainRule, 256> table{};
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    const OpcodeInfo& row = kOpcodes[i];
    if (row.prefix != 0 || !is_plain_feature(row.feature)) continue;
    PlainRule& rule = table[row.code];
    rule.op = static_cast<Opcode>(i);
    rule.step = plain_step(rule.op);
    if (rule.step < PlainStep::kNumeric) continue;
    const PlainSignature& signature = kPlainSignatures[i];
    rule.num_params = signature.num_params;
    rule.width_log2 = signature.width_log2;
    rule.params = {signature.params[0], signature.params[1]};
    rule.result = signature.result;
  }
  return table;
}();

// Bytes of the longest plain operator: opcode, flags and an offset. A run ends where fewer are left, and looks for no end in between.
inline constexpr ptrdiff_t kLongestPlain = 1 + 1 + 5;

// An integer of a run that has at most 4 bytes, so that its width is no concern. False: a longer one.
[[nodiscard, gnu::always_inline]] inline bool read_short_leb(const u8*& at, u32& value, u32& bits) {
  value = at[0] & 0x7F;
  bits = 7;
  if (at[0] < 0x80) [[likely]] {
    ++at;
    return true;
  }
  for (unsigned i = 1; i < 4; ++i) {
    value |= static_cast<u32>(at[i] & 0x7F) << bits;
    bits += 7;
    if (at[i] < 0x80) {
      at += i + 1;
      return true;
    }
  }
  return false;
}

// The memory argument of a run: it names the first memory and promises no more than the access's own width. False: another one.
[[nodiscard, gnu::always_inline]] inline bool read_short_memarg(const u8*& at, const PlainRule& rule, u32& offset) {
  u32 bits;
  return *at++ <= rule.width_log2 && read_short_leb(at, offset, bits);
}

}  // namespace detail

template <class Sink>
void FunctionValidator<Sink>::walk_plain() {
  using detail::PlainStep;
  if (!has_plain_features_ || !live()) return;
  BodyStack::Run run = stack_.begin_run();
  ValType* top = run.top;
  ValType* highest = top;
  const std::span<const ValType> locals = locals_.types();
  const u8* at = reader_.cursor();
  const u8* const begin = at - reader_.pos();
  const u8* const input_end = at + reader_.remaining();
  while (input_end - at >= detail::kLongestPlain) {
    const detail::PlainRule& rule = detail::kPlainRules[*at];
    const u8* next = at + 1;
    const auto pc = static_cast<u32>(at - begin);
    switch (rule.step) {
      case PlainStep::kNone: goto end;
      case PlainStep::kLocalGet: {
        const u32 index = *next++;
        if (index >= 0x80 || index >= locals.size() || top == run.limit) goto end;
        const ValType type = locals[index];
        if (!type.is_num()) goto end;
        sink_.local_get(pc, index, type);
        *top++ = type;
        break;
      }
      case PlainStep::kLocalSet:
      case PlainStep::kLocalTee: {
        const u32 index = *next++;
        if (index >= 0x80 || index >= locals.size() || top == run.floor) goto end;
        const ValType type = locals[index];
        if (!type.is_num() || top[-1] != type) goto end;
        if (rule.step == PlainStep::kLocalTee) {
          sink_.local_tee(pc, index, type);
        } else {
          sink_.local_set(pc, index, type);
          --top;
        }
        break;
      }
      case PlainStep::kI32Const: {
        u32 value;
        u32 bits;
        if (top == run.limit || !detail::read_short_leb(next, value, bits)) goto end;
        sink_.constant(pc, ValType::kI32, static_cast<u32>(static_cast<i32>(value << (32 - bits)) >> (32 - bits)));
        *top++ = ValType::kI32;
        break;
      }
      case PlainStep::kNumeric:
        if (rule.num_params == 1) {
          if (top == run.floor || top[-1] != rule.params[0]) goto end;
          sink_.numeric(pc, rule.op);
        } else {
          if (top - run.floor < 2 || top[-1] != rule.params[1] || top[-2] != rule.params[0]) goto end;
          sink_.numeric(pc, rule.op);
          --top;
        }
        top[-1] = rule.result;
        break;
      case PlainStep::kLoad: {
        u32 offset;
        if (!has_plain_memory_ || !detail::read_short_memarg(next, rule, offset)) goto end;
        if (top == run.floor || top[-1] != ValType::kI32) goto end;
        sink_.load(pc, rule.op, MemArg{0, offset});
        top[-1] = rule.result;
        break;
      }
      case PlainStep::kStore: {
        u32 offset;
        if (!has_plain_memory_ || !detail::read_short_memarg(next, rule, offset)) goto end;
        if (top - run.floor < 2 || top[-1] != rule.params[1] || top[-2] != ValType::kI32) goto end;
        sink_.store(pc, rule.op, MemArg{0, offset});
        top -= 2;
        break;
      }
    }
    at = next;
    highest = std::max(highest, top);
  }
end:
  reader_.seek(static_cast<u32>(at - begin));
  stack_.end_run(top, highest);
}

}  // namespace lunabeam::vm
