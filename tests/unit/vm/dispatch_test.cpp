// Every operation in both dispatches on a small thread stack: a handler that is left by a call instead of a jump overflows it.
#include <pthread.h>

#include <cmath>

#include "tests/unit/vm/interp_machine.h"
#include "vm/interp/op_length.h"

namespace lunabeam::vm::interp {
namespace {

constexpr u32 kRounds = 100'000;
constexpr u64 kThreadStackBytes = 256 * 1024;

// Runs `body` on a thread with a stack of kThreadStackBytes.
void on_small_stack(const std::function<void()>& body) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kThreadStackBytes), 0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, &attributes,
                [](void* argument) -> void* {
                  (*static_cast<const std::function<void()>*>(argument))();
                  return nullptr;
                },
                const_cast<std::function<void()>*>(&body)),
            0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

class Dispatching : public BothDispatches {
 protected:
  void SetUp() override {
    BothDispatches::SetUp();
    if (IsSkipped()) return;
    machine_ = std::make_unique<InterpMachine>(GetParam());
    machine_->make_memory(65536);
    machine_->make_table(16);
  }
  std::unique_ptr<InterpMachine> machine_;
};
BOTH_DISPATCHES(Dispatching);

constexpr u32 kCounter = 0, kInt = 1, kFloat32 = 2, kFloat64 = 3, kOut = 4, kTemps = 5, kOne = 9, kVectorIn = 10,
              kVectorOut = 12;
constexpr u16 kWords = frame_words_for(16);

// The operand slots suit every row: 7 as address, divisor and count; 1.5 in both float widths.
void prologue(Code& code) {
  code.constant(S(kInt), 7)
      .constant(S(kFloat32), std::bit_cast<u32>(1.5f))
      .constant(S(kFloat64), std::bit_cast<u64>(1.5));
  code.constant(S(kOne), 1);
}

u16 operand_for(Opcode op, char letter) {
  static_cast<void>(op);
  return letter == 'f' ? S(kFloat32) : letter == 'F' ? S(kFloat64) : S(kInt);
}

// The same for the families of vectors, which take two slots each.
void vector_round_of(Code& code, u16 id) {
  const OpDesc& op = kOps[id];
  const u16 a = S(kVectorIn), d = S(kVectorOut);
  switch (family_of(op.opcode())) {
    case OpFamily::kVectorUnary:
    case OpFamily::kVectorSplat:
    case OpFamily::kVectorTest: code.op(id, a, d); break;
    case OpFamily::kVectorBinary: code.op(id, a, a, d); break;
    case OpFamily::kVectorShift:
      code.op(id, a, static_cast<ShiftForm>(op.form) == ShiftForm::kI ? imm(3) : S(kInt), d);
      break;
    case OpFamily::kVectorTernary: code.op(id, a, a, d).word(a); break;
    case OpFamily::kVectorExtract: code.op(id, a, 1, d); break;
    case OpFamily::kVectorReplace: code.op(id, a, S(kInt), d).word(1); break;
    case OpFamily::kVectorShuffle: code.op(id, a, a, d).word(0x0706'0504'0302'0100).word(0x0F0E'0D0C'0B0A'0908); break;
    case OpFamily::kVectorLoad:
      switch (static_cast<AddressForm>(op.form)) {
        case AddressForm::kS: code.op(id, S(kInt), 8, d); break;
        case AddressForm::kA: code.op(id, 8, d); break;
        case AddressForm::kX: code.op(id, S(kInt), d, 0).word(8); break;
      }
      break;
    case OpFamily::kVectorStore:
      switch (static_cast<AddressForm>(op.form)) {
        case AddressForm::kS: code.op(id, S(kInt), 8, a); break;
        case AddressForm::kA: code.op(id, 8, a); break;
        case AddressForm::kX: code.op(id, S(kInt), a, 0).word(8); break;
      }
      break;
    case OpFamily::kVectorLoadLane:
    case OpFamily::kVectorStoreLane: code.op(id, S(kInt), a, d).word(8).word(u64{1} << 16); break;
    default: FAIL();
  }
}

// One round of a base operation of the families; the accumulators are loaded before.
void round_of(Code& code, u16 id) {
  const OpDesc& op = kOps[id];
  const char letter = op.kind == OpKind::kSpecial ? 'i' : info(op.opcode()).signature[0];
  const u16 v = operand_for(op.opcode(), letter);
  code.op(Special::load_acc, S(kInt)).op(Special::load_facc, letter == 'f' ? S(kFloat32) : S(kFloat64));
  const auto form = static_cast<Form>(op.form);
  const bool two = form == Form::kSS || form == Form::kSI;
  const bool has_imm = form == Form::kSI || form == Form::kAI;
  const u16 second = has_imm ? imm(3) : v;
  switch (op.kind) {
    case OpKind::kBinary:
    case OpKind::kFloatBinary:
      if (two)
        code.op(id, v, second, S(kOut));
      else
        code.op(id, has_imm ? second : v, S(kOut));
      break;
    case OpKind::kBranch:
    case OpKind::kFloatBranch:  // To the next operation, taken or not.
      if (two)
        code.op(id, v, second, 1);
      else
        code.op(id, has_imm ? second : v, 1);
      break;
    case OpKind::kUnary:
      if (static_cast<UnaryForm>(op.form) == UnaryForm::kS)
        code.op(id, v, S(kOut));
      else
        code.op(id, S(kOut));
      break;
    case OpKind::kLoad:
      switch (static_cast<LoadForm>(op.form)) {
        case LoadForm::kLS:
        case LoadForm::kS: code.op(id, S(kInt), 8, S(kOut)); break;
        case LoadForm::kLA:
        case LoadForm::kA: code.op(id, 8, S(kOut)); break;
        case LoadForm::kX: code.op(id, S(kInt), S(kOut), 0).word(8); break;
      }
      break;
    case OpKind::kStore:
      switch (static_cast<StoreForm>(op.form)) {
        case StoreForm::kLSS:
        case StoreForm::kSS: code.op(id, S(kInt), 8, S(kFloat64)); break;
        case StoreForm::kLAS:
        case StoreForm::kAS: code.op(id, 8, S(kFloat64)); break;
        case StoreForm::kLSA:
        case StoreForm::kSA: code.op(id, S(kInt), 8); break;
        case StoreForm::kLAF:
        case StoreForm::kAF: code.op(id, 8); break;
        case StoreForm::kLSI:
        case StoreForm::kSI: code.op(id, S(kInt), 8, 3); break;
        case StoreForm::kX: code.op(id, S(kInt), S(kFloat64), 0).word(8); break;
      }
      break;
    case OpKind::kAtomic:  // At 7 + 1.
      code.op(id, S(kInt), S(kInt), S(kInt)).word(1).word(u64{S(kOut)} << 48);
      break;
    case OpKind::kVector: vector_round_of(code, id); break;
    default: FAIL();
  }
}

// Loop of kRounds rounds.
template <class Round>
Code loop(Round round) {
  Code code;
  prologue(code);
  code.op32(Special::const32u, S(kCounter), kRounds);
  const i32 top = code.here();
  round(code);
  code.op(op_id(Opcode::i32_sub, Form::kSI, Dest::kS), S(kCounter), 1, S(kCounter));
  code.op32(Special::br_if_back_S, S(kCounter), top - code.here());
  code.op(Special::ret_I, 1, kWords);
  return code;
}

TEST_P(Dispatching, every_row_of_the_families_runs_in_constant_stack) {
  on_small_stack([&] {
    for (u16 id = 1; id < kSpecialBase; ++id) {
      const OpDesc& op = kOps[id];
      // f32 values with an integer store width and the like do not exist: kAF is for floats, kSI for integers.
      if (op.kind == OpKind::kStore) {
        const bool is_float = info(op.opcode()).text[0] == 'f';
        const auto form = static_cast<StoreForm>(op.form);
        const bool of_floats = form == StoreForm::kAF || form == StoreForm::kLAF;
        const bool of_integers = form == StoreForm::kSI || form == StoreForm::kLSI;
        if (is_float ? of_integers : of_floats) continue;
      }
      InterpMachine machine(GetParam());
      machine.make_memory(65536);
      machine.memory.shared = true;  // For waits.
      FuncCode& function =
          machine.add({.slots = 16, .result_types = {ValType::kI32}}, loop([&](Code& code) { round_of(code, id); }));
      ASSERT_EQ(machine.call(function), ExecStatus::kReturned) << id << " " << info(op.opcode()).text;
      EXPECT_GE(machine.chunk - machine.reductions, i64{kRounds} - 1);
    }
  });
}

TEST_P(Dispatching, special_operations_run_in_constant_stack) {
  on_small_stack([&] {
    InterpMachine& m = *machine_;
    FuncCode& nothing = m.add({.slots = 8, .params = 6}, Code().op(Special::ret_0, frame_words_for(8)));
    FuncCode& one = m.add({.slots = 8, .params = 1, .result_types = {ValType::kI64}},
                          Code().op(Special::ret_S, S(0), frame_words_for(8)));
    FuncCode& seventh = m.add({.slots = 12, .params = 7, .result_types = {ValType::kI64}},
                              Code().op(Special::ret_S, S(6), frame_words_for(12)));
    FuncCode& pair = m.add({.slots = 8, .params = 2, .result_types = {ValType::kI64, ValType::kI64}},
                           Code().op(Special::ret_many, 2, 0, 0).list({S(1), S(0)}));
    m.elems[0] = make_ref(&one);
    m.elems[1] = make_ref(&seventh);
    static const HostFunction kHost{.module = "t",
                                    .name = "id",
                                    .signature = "I:I",
                                    .call = [](ExecContext&, u64*) { return HostStatus::kDone; },
                                    .cost = 1};
    FuncCode& thunk = m.declare({.slots = 4, .params = 1, .result_types = {ValType::kI64}});
    thunk.host = &kHost;
    m.define(thunk, Code().op(Special::host_thunk));
    const auto code_word = [](const FuncCode& f) { return reinterpret_cast<u64>(&f); };
    const std::vector<std::function<void(Code&)>> rounds = {
        [&](Code& c) {
          c.op(Special::mov, S(kInt), S(kOut)).op(Special::store_acc, S(kOut)).op(Special::store_facc, S(kOut));
        },
        [&](Code& c) {
          c.op(Special::store_facc32, S(kOut)).op(Special::const16, 1, S(kOut)).op32(Special::const32u, S(kOut), 1);
        },
        [&](Code& c) {
          c.constant(S(kOut), 5)
              .op(Special::wide_get, S(kOut))
              .pair(S(kInt), 0)
              .op(Special::wide_set, S(kInt))
              .pair(S(kOut), 0);
        },
        [&](Code& c) { c.op(Special::mov_range, S(kInt), S(kTemps)).pair(3, 0); },
        [&](Code& c) {
          for (u16 i = 0; i < 4; ++i) {
            c.op(static_cast<u16>(op_id(i < 2 ? Special::select_A_A : Special::fselect_A_A) + i % 2), S(1), S(2),
                 S(kOut));
            c.op(static_cast<u16>(op_id(i < 2 ? Special::select_S_A : Special::fselect_S_A) + i % 2), S(1), S(2),
                 S(kOut))
                .list({S(1)});
          }
        },
        [&](Code& c) {
          c.op(Special::global_get_A, 1, S(kOut))
              .op(Special::global_get_S, 1, S(kOut))
              .op(Special::global_fget_A, 1, S(kOut));
          c.op(Special::global_fget_S, 1, S(kOut))
              .op(Special::global_get_x, S(kOut))
              .pair(1, 0)
              .op(Special::global_set_S, S(kInt), 2);
          c.op(Special::global_set_A, 2)
              .op(Special::global_set_F, 2)
              .op(Special::global_set_F32, 2)
              .op(Special::global_set_x, S(kInt))
              .pair(2, 0);
        },
        [&](Code& c) { c.op32(Special::br, 0, 1).op32(Special::br_back, 0, 1).op32(Special::charge, 0, 3); },
        [&](Code& c) {
          for (u16 i = 0; i < 8; ++i) c.op32(static_cast<Special>(static_cast<u16>(Special::br_if_S) + i), S(kInt), 1);
          c.op32(Special::br_table_S, S(kInt), 1).op32(Special::br, 0, 3).op32(Special::br, 0, 3);
          c.op32(Special::br_table_A, 0, 1).op32(Special::br, 0, 3).op32(Special::br, 0, 3);
        },
        [&](Code& c) { c.call(one, {S(kInt)}, S(kOut)); },
        [&](Code& c) {
          c.call(nothing, {}, S(kOut)).call(nothing, {S(1), S(2)}, S(kOut)).call(nothing, {S(1), S(2), S(3)}, S(kOut));
        },
        [&](Code& c) {
          c.call(nothing, {S(1), S(2), S(3), S(4)}, S(kOut)).call(nothing, {S(1), S(2), S(3), S(4), S(1)}, S(kOut));
        },
        [&](Code& c) { c.call(nothing, {S(1), S(2), S(3), S(4), S(1), S(2)}, S(kOut)); },
        [&](Code& c) {
          c.op(Special::call, 7, 0)
              .word(code_word(seventh))
              .list({S(1), S(1), S(1), S(1), S(1), S(1), S(2)}, {0, S(kOut)});
        },
        [&](Code& c) { c.op(Special::call_range, S(1), 7, 0).word(code_word(seventh)).list({0, 0, 0, S(kOut)}); },
        [&](Code& c) { c.op(Special::call, 2, 0).word(code_word(pair)).list({S(1), S(2)}, {0, S(kTemps)}); },
        [&](Code& c) {
          c.op(Special::const16, 0, S(kOut)).op(Special::call_indirect_1, S(kOut), S(kInt)).list({}, {});
          c.words.push_back(Insn{static_cast<u16>(static_cast<u32>(one.type)),
                                 {static_cast<u16>(static_cast<u32>(one.type) >> 16), 0, S(kOut)}});
        },
        [&](Code& c) {
          c.op(Special::const16, 1, S(kOut))
              .op(Special::call_indirect, S(kOut), 7, 0)
              .pair(static_cast<u32>(seventh.type), 0);
          c.list({S(1), S(1), S(1), S(1), S(1), S(1), S(2)}, {0, S(kOut)});
        },
        [&](Code& c) {
          c.op(Special::call_host, 1, 1).word(reinterpret_cast<u64>(&kHost)).list({S(kInt)}, {0, S(kOut)});
        },
        [&](Code& c) { c.call(thunk, {S(kInt)}, S(kOut)); },
        [&](Code& c) { c.op(Special::memory_size_A, S(kOut), 0).op(Special::memory_size_S, S(kOut), 0); },
        [&](Code& c) {
          c.op(Special::const16, 0, S(kTemps))
              .op(Special::const16, 8, S(kTemps + 1))
              .op(Special::const16, 16, S(kTemps + 2));
          c.op(Special::memory_fill, S(kTemps), 0)
              .op(Special::const16, 16, S(kTemps + 2))
              .op(Special::memory_copy, S(kTemps), 0, 0);
        },
        [&](Code& c) { c.op(Special::const16, 5, S(kOut)).op(Special::table_get, S(kOut), S(kTemps)).pair(0, 0); },
        [&](Code& c) {
          c.op(Special::const16, 5, S(kOut))
              .op(Special::table_set, S(kOut), S(kTemps))
              .pair(0, 0)
              .op(Special::table_size, S(kOut))
              .pair(0, 0);
        },
    };
    for (size_t i = 0; i < rounds.size(); ++i) {
      FuncCode& function = m.add({.slots = 16, .locals = 16, .result_types = {ValType::kI32}}, loop([&](Code& code) {
                                   code.op(Special::load_acc, S(kInt)).op(Special::load_facc, S(kFloat64));
                                   rounds[i](code);
                                 }));
      ASSERT_EQ(m.call(function), ExecStatus::kReturned) << i;
    }
  });
}

TEST(OpTable, ids_and_descriptions_agree) {
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    const auto op = static_cast<Opcode>(i);
    switch (family_of(op)) {
      case OpFamily::kIntCompare:
        for (u8 form = 0; form < 5; ++form) {
          const OpDesc& branch = kOps[branch_id(op, static_cast<Form>(form), true)];
          EXPECT_TRUE(branch.kind == OpKind::kBranch && branch.form == form && branch.back && branch.opcode() == op);
        }
        break;
      case OpFamily::kFloatCompare:
        for (u8 n = 0; n < 12; ++n) {
          const OpDesc& branch = kOps[fbranch_id(op, static_cast<Form>(n / 4), n % 4 < 2, n % 2 != 0)];
          EXPECT_TRUE(branch.kind == OpKind::kFloatBranch && branch.form == n / 4 && branch.when == (n % 4 < 2) &&
                      branch.back == (n % 2 != 0) && branch.opcode() == op);
        }
        break;
      default: break;
    }
  }
  EXPECT_EQ(kOps[op_id(Special::call_0)].words, 2);
}

TEST(OpLength, computed_lengths) {
  const auto words = [](Code code) { return op_words(code.words.data()); };
  EXPECT_EQ(words(Code().op32(Special::br_table_S, 0, 9)), 11u);
  EXPECT_EQ(words(Code().op(Special::call, 2, 0)), 3u);  // 2 + dref d fill one word.
  EXPECT_EQ(words(Code().op(Special::call, 2, 1)), 4u);
  EXPECT_EQ(words(Code().op(Special::call_host, 0, 1)), 3u);
  EXPECT_EQ(words(Code().op(Special::call_indirect, 9, 3, 4)), 5u);
  EXPECT_EQ(words(Code().op(Special::return_call, 4, 0)), 3u);
  EXPECT_EQ(words(Code().op(Special::return_call_indirect, 9, 4, 1)), 4u);
  EXPECT_EQ(words(Code().op(Special::call_ref, 9, 1, 1)), 2u);  // No word between the head and the list.
  EXPECT_EQ(words(Code().op(Special::call_ref, 9, 3, 4)), 4u);
  EXPECT_EQ(words(Code().op(Special::return_call_ref, 9, 4, 1)), 3u);
  EXPECT_EQ(words(Code().op(Special::ret_many, 0, 0, 0)), 1u);
  EXPECT_EQ(words(Code().op(Special::ret_many, 3, 2, 0)), 3u);
}

}  // namespace
}  // namespace lunabeam::vm::interp
