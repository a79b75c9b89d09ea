// Every fused operation against its parts run one by one, and the pass that fuses.
#include "vm/interp/fusion.h"

#include <random>
#include <set>

#include "tests/unit/vm/interp_machine.h"
#include "vm/interp/fusion_rules.h"
#include "vm/interp/listing.h"
#include "vm/interp/op_length.h"

namespace lunabeam::vm::interp {
namespace {

constexpr u32 kSlots = 24;
constexpr u16 kW = frame_words_for(kSlots);

// Appends one operation with operands drawn at random; branches lead `to`, to be patched later where it is negative.
class Sequence {
 public:
  Sequence(std::mt19937& random, const FuncCode& callee) : random_(random), callee_(callee) {}

  void add(u16 id) {
    const OpDesc& op = kOps[id];
    const u16 a = slot(), b = slot(), d = slot();
    const auto form = static_cast<Form>(op.form);
    const bool two = form == Form::kSS || form == Form::kSI;
    const bool has_imm = form == Form::kSI || form == Form::kAI;
    const u16 second = has_imm ? static_cast<u16>(random_() % 5) : b;
    const u16 offset = static_cast<u16>(random_() % 16);
    switch (op.kind) {
      case OpKind::kBinary:
      case OpKind::kFloatBinary:
        if (two)
          code.op(id, a, second, d);
        else
          code.op(id, second, d);
        break;
      case OpKind::kBranch:
      case OpKind::kFloatBranch:
        branch_field = two ? 2 : 1;
        branch_at = code.here();
        if (two)
          code.op(id, a, second, 0);
        else
          code.op(id, second, 0);
        break;
      case OpKind::kUnary:
        if (static_cast<UnaryForm>(op.form) == UnaryForm::kS)
          code.op(id, a, d);
        else
          code.op(id, d);
        break;
      case OpKind::kLoad:
        if (static_cast<LoadForm>(op.form) == LoadForm::kX)
          code.op(id, a, d, 0).word(offset);
        else if (static_cast<LoadForm>(op.form) == LoadForm::kS)
          code.op(id, a, offset, d);
        else
          code.op(id, offset, d);
        break;
      case OpKind::kStore:
        switch (static_cast<StoreForm>(op.form)) {
          case StoreForm::kSS: code.op(id, a, offset, b); break;
          case StoreForm::kAS: code.op(id, offset, b); break;
          case StoreForm::kSA: code.op(id, a, offset); break;
          case StoreForm::kSI: code.op(id, a, offset, 7); break;
          case StoreForm::kX: code.op(id, a, b, 0).word(offset); break;
          default: FAIL() << "not in any rule";
        }
        break;
      case OpKind::kSpecial: special(op.special(), a, b, d); break;
      case OpKind::kVector:
      case OpKind::kAtomic:
      case OpKind::kInvalid: FAIL() << "not in any rule";
    }
  }

  Code code;
  i32 branch_at = -1;
  u32 branch_field = 0;  // 1 or 2: 16 bits in this field; 0: 32 bits.

 private:
  u16 slot() { return S(static_cast<u32>(random_() % 12)); }

  void special(Special op, u16 a, u16 b, u16 d) {
    switch (op) {
      case Special::mov: code.op(op, a, d); break;
      case Special::const16: code.op(op, 5, d); break;
      case Special::const32u: code.op32(op, d, 70'000); break;
      case Special::const64: code.constant(d, 0x1234'5678'9ABC); break;
      case Special::br_table_A:  // Every entry leads to the end of the sequence.
        code.op32(op, 0, 1).op32(Special::br, 0, 3).op32(Special::br, 0, 3);
        break;
      case Special::select_A_S:
      case Special::fselect_A_S: code.op(op, a, b, d); break;
      case Special::br:
      case Special::br_back:
      case Special::br_if_S:
      case Special::br_if_A:
      case Special::br_ifz_S:
      case Special::br_ifz_A:
      case Special::br_if_back_S:
      case Special::br_if_back_A:
      case Special::br_ifz_back_S:
      case Special::br_ifz_back_A:
        branch_field = 0;
        branch_at = code.here();
        code.op32(op, a, 0);
        break;
      case Special::call_indirect_0:
      case Special::call_indirect_1:
      case Special::call_indirect_2:
      case Special::call_indirect_3: {
        const auto type = static_cast<u32>(callee_.type);
        code.op(op, a, b, a).list({static_cast<u16>(type), static_cast<u16>(type >> 16), b, d});
        break;
      }
      case Special::call_1: code.call(callee_, {a}, d); break;
      case Special::call_2: code.call(callee_, {a, b}, d); break;
      case Special::call_3: code.call(callee_, {a, b, a}, d); break;
      case Special::ret_A: code.op(op, kW); break;
      case Special::global_get_A: code.op(op, 3, d); break;
      case Special::global_set_A: code.op(op, 3); break;
      default: FAIL() << kSpecialNames[static_cast<size_t>(op)] << ": teach the test this operation";
    }
  }

  std::mt19937& random_;
  const FuncCode& callee_;
};

struct Outcome {
  ExecStatus status;
  TrapKind trap;
  i64 charged;
  std::vector<u64> results;
  std::vector<u8> memory;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Runs `parts` behind a prologue that fills slots and accumulators, with or without fusing.
Outcome run_sequence(std::span<const u16> parts, u32 seed, bool fused, Dispatch dispatch, u16 expected_head) {
  std::mt19937 random(seed);
  InterpMachine m(dispatch);
  m.make_memory(4096);
  for (u64 i = 0; i < 4096; ++i) m.memory.base[i] = static_cast<u8>(i * 11 + seed);
  m.globals[3] = 1024 + seed;
  FuncCode& callee = m.add(
      {.slots = 4, .params = 3, .result_types = {ValType::kI64}},
      Code().op(op_id(Opcode::i64_add, Form::kSI, Dest::kA), S(0), 7, S(3)).op(Special::ret_A, frame_words_for(4)));
  m.make_table(4096);
  std::fill(m.elems.begin(), m.elems.end(), make_ref(&callee));
  Sequence sequence(random, callee);
  Code& code = sequence.code;
  for (u32 i = 0; i < 12; ++i) {
    const u64 small = random() % 4200;
    code.constant(S(i), i < 8 ? small : std::bit_cast<u64>(static_cast<f64>(random() % 100)));
  }
  code.constant(S(12), random() % 4090).op(Special::load_acc, S(12));
  code.constant(S(13), std::bit_cast<u64>(1.25)).op(Special::load_facc, S(13));
  const i32 body = code.here();
  for (const u16 id : parts) sequence.add(id);
  // Results: the accumulators are those of the last part when it falls through, else dead; take slots only.
  const i32 finish = code.here();
  code.op(Special::const16, 1, S(14)).op32(Special::br, 0, 2);
  const i32 taken = code.here();
  code.op(Special::const16, 2, S(14)).op(Special::ret_range, S(0), 15, 0).list({0, 0, 0, 0});
  static_cast<void>(finish);
  if (sequence.branch_at >= 0) {
    const i32 offset = taken - sequence.branch_at;
    Insn& branch = code.words[static_cast<size_t>(sequence.branch_at)];
    if (sequence.branch_field == 0)
      std::memcpy(&branch.f[1], &offset, sizeof offset);
    else
      branch.f[sequence.branch_field] = static_cast<u16>(offset);
  }
  if (fused) {
    fuse(code.words);
    if (expected_head != 0) {
      EXPECT_GE(code.words[static_cast<size_t>(body)].op, kFusedBase) << op_name(expected_head);
    }
  }
  FunctionShape shape{.slots = kSlots, .locals = kSlots};
  const bool returns_one = parts.back() == op_id(Special::ret_A);
  shape.result_types.assign(returns_one ? 1 : 15, ValType::kI64);
  FuncCode& function = m.add(shape, std::move(code));
  Outcome outcome;
  outcome.status = m.call(function);
  outcome.trap = m.trap.kind;
  outcome.charged = m.chunk - m.reductions;
  if (outcome.status == ExecStatus::kReturned)
    outcome.results.assign(m.transfer, m.transfer + shape.result_types.size());
  outcome.memory.assign(m.memory.base, m.memory.base + 4096);
  return outcome;
}

class Fusion : public BothDispatches {};
BOTH_DISPATCHES(Fusion);

TEST_P(Fusion, every_sequence_does_what_its_parts_do) {
  for (u16 id = kFusedBase; id < op_count(); ++id) {
    for (u32 seed = 1; seed <= 6; ++seed) {
      const Outcome want = run_sequence(fused_parts(id), seed, false, Dispatch::kStep, 0);
      const Outcome got = run_sequence(fused_parts(id), seed, true, GetParam(), id);
      ASSERT_EQ(want, got) << op_name(id) << " seed " << seed;
    }
  }
}

TEST(FusionPass, rules_are_well_formed) {
  EXPECT_GT(op_count(), kFusedBase);
  for (u16 id = kFusedBase; id < op_count(); ++id) {
    const auto parts = fused_parts(id);
    ASSERT_GE(parts.size(), 2u);
    EXPECT_EQ(base_op(id), parts[0]);
    for (size_t i = 0; i < parts.size(); ++i) {
      const OpDesc& op = kOps[parts[i]];
      EXPECT_NE(op.kind, OpKind::kInvalid);
      const bool leaves = op.kind == OpKind::kBranch || op.kind == OpKind::kFloatBranch ||
                          (op.kind == OpKind::kSpecial && op.words == 0);
      if (i + 1 < parts.size()) {
        EXPECT_FALSE(leaves) << op_name(id);
      }
    }
  }
}

TEST(FusionPass, no_sequence_is_there_twice) {
  std::set<std::vector<u16>> seen;
  for (u16 id = kFusedBase; id < op_count(); ++id) {
    const auto parts = fused_parts(id);
    EXPECT_TRUE(seen.emplace(parts.begin(), parts.end()).second) << op_name(id);
  }
}

TEST(FusionPass, keeps_lengths_and_base_operations) {
  // Two additions and a branch: one head, and the tails stay what they are or become heads of shorter sequences.
  Code code;
  code.op(op_id(Opcode::i32_add, Form::kSI, Dest::kS), S(0), 1, S(0));
  code.op(op_id(Opcode::i32_add, Form::kSI, Dest::kS), S(1), 4, S(1));
  code.op(branch_id(Opcode::i32_ne, Form::kSS, true), S(0), S(2), imm(-2));
  code.op(Special::ret_0, frame_words_for(4));
  const std::vector<Insn> before = code.words;
  fuse(code.words);
  EXPECT_EQ(fused_parts(code.words[0].op).size(), 3u);
  EXPECT_EQ(fused_parts(code.words[1].op).size(), 2u);
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(base_op(code.words[i].op), before[i].op);
    EXPECT_EQ(op_words(&code.words[i]), op_words(&before[i]));
    EXPECT_EQ(std::memcmp(code.words[i].f, before[i].f, sizeof before[i].f), 0);
  }
  const std::vector<Insn> once = code.words;
  fuse(code.words);
  EXPECT_EQ(std::memcmp(once.data(), code.words.data(), once.size() * sizeof(Insn)), 0);
}

TEST(FusionPass, an_operation_that_stores_and_one_that_does_not_share_a_handler_as_last_part) {
  for (const Dest dest : {Dest::kA, Dest::kS}) {
    Code code;
    code.op(op_id(Opcode::i32_mul, Form::kSS, Dest::kA), S(0), S(1), S(3))
        .op(op_id(Opcode::i32_add, Form::kSA, dest), S(2), S(3));
    code.op(Special::ret_A, frame_words_for(4));
    fuse(code.words);
    ASSERT_GE(code.words[0].op, kFusedBase);
    EXPECT_EQ(fused_parts(code.words[0].op)[1], op_id(Opcode::i32_add, Form::kAS, Dest::kS));
  }
}

TEST(Listing, names_operations_and_their_parts) {
  EXPECT_EQ(op_name(op_id(Opcode::i32_add, Form::kSI, Dest::kS)), "i32.add.SI>S");
  EXPECT_EQ(op_name(branch_id(Opcode::i64_lt_s, Form::kAS, true)), "i64.lt_s.AS?back");
  EXPECT_EQ(op_name(fbranch_id(Opcode::f64_lt, Form::kSS, false, false)), "not f64.lt.SS?br");
  EXPECT_EQ(op_name(op_id(Special::mov)), "mov");
  EXPECT_EQ(op_name(0), "?");
  Code code;
  code.op(op_id(Opcode::i32_load, LoadForm::kS, Dest::kA), S(0), 8, S(1)).constant(S(2), 0xABC).op(Special::ret_A, 6);
  EXPECT_EQ(
      listing(code.words.data(), 4),
      "    0  i32.load.S>A         2 8 3\n    1  const64              4 0 0 | abc\n    3  ret_A                6 0 0\n");
}

}  // namespace
}  // namespace lunabeam::vm::interp
