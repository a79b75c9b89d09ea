// Every row of the families in every form, against Sem<Opcode>, in both dispatches; and the special operations one by one.
#include <limits>

#include "tests/unit/vm/interp_machine.h"
#include "vm/interp/semantics.h"

namespace lunabeam::vm::interp {
namespace {

// Slots of the test function: operands, results.
constexpr u32 kA = 0, kB = 1, kD = 2, kAccOut = 3, kFaccOut = 4;

template <class T>
constexpr bool kFloat = std::is_floating_point_v<T>;

template <class T>
u64 to_slot(T v) {
  if constexpr (sizeof(T) == 4) {
    return std::bit_cast<u32>(v);
  } else {
    return std::bit_cast<u64>(v);
  }
}

template <class T>
std::vector<T> samples() {
  if constexpr (std::is_same_v<T, u32>) {
    return {0,      1,      2,           7,           31,          32,          0x7FFF,
            0x8000, 0xFFFF, 0x7FFF'FFFF, 0x8000'0000, 0xFFFF'8000, 0xFFFF'FFFF, 0x1234'5678};
  } else if constexpr (std::is_same_v<T, u64>) {
    return {0,
            1,
            3,
            63,
            64,
            0x8000,
            0xFFFF'FFFF,
            0x1'0000'0000,
            0x7FFF'FFFF'FFFF'FFFF,
            0x8000'0000'0000'0000,
            ~u64{0},
            0x1234'5678'9ABC'DEF0};
  } else {
    constexpr T kInf = std::numeric_limits<T>::infinity();
    return {0,
            T(-0.0),
            1,
            -1,
            T(1.5),
            T(-2.5),
            T(0.3),
            T(2147483648.0),
            T(-2147483648.0),
            T(9.3e18),
            T(1e30),
            kInf,
            -kInf,
            std::numeric_limits<T>::quiet_NaN()};
  }
}

// What one operation is expected to do.
struct Expected {
  TrapKind kind;
  u64 bits;
  bool is_nan;
};
template <class R>
Expected expected(TrapKind kind, R value) {
  if constexpr (kFloat<R>) {
    return {kind, to_slot(value), value != value};
  } else {
    return {kind, to_slot(value), false};
  }
}

class Rows : public BothDispatches {
 protected:
  // Runs `id` between loading the accumulators and storing them. d_field: where the destination goes.
  void check_value(u16 id, std::initializer_list<u16> fields, u64 a, u64 b, bool a_in_acc, bool b_in_acc,
                   bool float_operands, bool float_result, bool stores, const Expected& want) {
    const std::vector<u16> f(fields);
    Code code;
    // The accumulator that is not the operand's holds a mark that must survive an operation of the other class.
    code.constant(S(5), 0x1111'2222'3333'4444).op(Special::load_acc, S(5)).op(Special::load_facc, S(5));
    const Special load = float_operands ? Special::load_facc : Special::load_acc;
    if (a_in_acc) code.op(load, S(kA));
    if (b_in_acc) code.op(load, S(kB));
    code.op(id, !f.empty() ? f[0] : 0, f.size() > 1 ? f[1] : 0, f.size() > 2 ? f[2] : 0);
    code.op(Special::store_acc, S(kAccOut)).op(Special::store_facc, S(kFaccOut));
    code.op(Special::ret_range, S(kD), 3, 0).list({0, 0, 0, 0});
    FuncCode& function = machine_->add(
        {.slots = 8, .params = 2, .locals = 6, .result_types = {ValType::kI64, ValType::kI64, ValType::kI64}},
        std::move(code));
    const ExecStatus status = machine_->call(function, {a, b});
    if (want.kind != TrapKind::kNone) {
      ASSERT_EQ(status, ExecStatus::kTrapped);
      EXPECT_EQ(machine_->trap.kind, want.kind);
      return;
    }
    ASSERT_EQ(status, ExecStatus::kReturned);
    const u64 acc = machine_->result(float_result ? 2 : 1);
    const u64 other = machine_->result(float_result ? 1 : 2);
    if (want.is_nan) {
      EXPECT_EQ(stores ? machine_->result(0) & 0x7FC0'0000 : 0, stores ? 0x7FC0'0000 & want.bits : 0);
      return;
    }
    const bool narrow = float_result && want.bits <= 0xFFFF'FFFF;  // The upper half of facc is free for an f32.
    EXPECT_EQ(narrow ? static_cast<u32>(acc) : acc, want.bits);
    EXPECT_EQ(machine_->result(0), stores ? want.bits : 0);
    const bool operand_there = (a_in_acc || b_in_acc) && float_operands != float_result;
    if (!operand_there) {
      EXPECT_EQ(other, 0x1111'2222'3333'4444u);
    }
  }

  template <Opcode Op>
  void check_unary() {
    using Sm = Sem<Op>;
    using T = typename Sm::template Operand<0>;
    using R = typename Sm::Result;
    for (const T a : samples<T>()) {
      R result{};
      const TrapKind kind = Sm::apply(a, result);
      for (const Dest dest : {Dest::kA, Dest::kS}) {
        const bool stores = dest == Dest::kS;
        check_value(op_id(Op, UnaryForm::kS, dest), {S(kA), S(kD)}, to_slot(a), 0, false, false, kFloat<T>, kFloat<R>,
                    stores, expected(kind, result));
        check_value(op_id(Op, UnaryForm::kA, dest), {S(kD)}, to_slot(a), 0, true, false, kFloat<T>, kFloat<R>, stores,
                    expected(kind, result));
      }
    }
  }

  template <Opcode Op>
  void check_binary() {
    using Sm = Sem<Op>;
    using T = typename Sm::template Operand<0>;
    using R = typename Sm::Result;
    for (const T a : samples<T>()) {
      for (const T b : samples<T>()) {
        R result{};
        const TrapKind kind = Sm::apply(a, b, result);
        const Expected want = expected(kind, result);
        for (const Dest dest : {Dest::kA, Dest::kS}) {
          const bool s = dest == Dest::kS;
          const auto check = [&](Form form, std::initializer_list<u16> fields, bool a_in_acc, bool b_in_acc) {
            SCOPED_TRACE(static_cast<int>(form));
            check_value(op_id(Op, form, dest), fields, to_slot(a), to_slot(b), a_in_acc, b_in_acc, kFloat<T>, kFloat<R>,
                        s, want);
          };
          check(Form::kSS, {S(kA), S(kB), S(kD)}, false, false);
          check(Form::kAS, {S(kB), S(kD)}, true, false);
          check(Form::kSA, {S(kA), S(kD)}, false, true);
          if constexpr (!kFloat<T>) {
            const auto low = static_cast<i16>(b);
            if (static_cast<T>(static_cast<i64>(low)) == b) {
              check(Form::kSI, {S(kA), static_cast<u16>(low), S(kD)}, false, false);
              check(Form::kAI, {static_cast<u16>(low), S(kD)}, true, false);
            }
          }
        }
      }
    }
  }

  // Runs a compare-branch over the setting of a mark; back: the branch leads back.
  void check_branch(u16 id, std::vector<u16> fields, u64 a, u64 b, bool a_in_acc, bool b_in_acc, bool is_float,
                    bool back, bool taken) {
    Code code;
    const Special load = is_float ? Special::load_facc : Special::load_acc;
    if (back) {
      code.op32(Special::br, 0, 3);                                                        // 0: to 3
      code.op(Special::const16, 77, S(kD)).op(Special::ret_S, S(kD), frame_words_for(8));  // 1: taken
    }
    if (a_in_acc) code.op(load, S(kA));
    if (b_in_acc) code.op(load, S(kB));
    fields.push_back(static_cast<u16>(back ? 1 - code.here() : 3));
    code.op(id, fields[0], fields.size() > 1 ? fields[1] : 0, fields.size() > 2 ? fields[2] : 0);
    code.op(Special::const16, 33, S(kD)).op(Special::ret_S, S(kD), frame_words_for(8));
    code.op(Special::const16, 77, S(kD)).op(Special::ret_S, S(kD), frame_words_for(8));
    FuncCode& function =
        machine_->add({.slots = 8, .params = 2, .locals = 6, .result_types = {ValType::kI64}}, std::move(code));
    machine_->push(function, {a, b});
    const i64 before = machine_->chunk;  // Behind the entry.
    ASSERT_EQ(run(*machine_, GetParam()), ExecStatus::kReturned);
    EXPECT_EQ(machine_->result(), taken ? 77u : 33u);
    EXPECT_EQ(before - machine_->reductions, back && taken ? 1 : 0);
  }

  template <Opcode Op>
  void check_branches() {
    using Sm = Sem<Op>;
    using T = typename Sm::template Operand<0>;
    for (const T a : samples<T>()) {
      for (const T b : samples<T>()) {
        u32 result = 0;
        ASSERT_EQ(Sm::apply(a, b, result), TrapKind::kNone);
        for (const bool back : {false, true}) {
          const auto check = [&](Form form, std::vector<u16> fields, bool a_in_acc, bool b_in_acc) {
            if constexpr (kFloat<T>) {
              for (const bool when : {true, false}) {
                check_branch(fbranch_id(Op, form, when, back), fields, to_slot(a), to_slot(b), a_in_acc, b_in_acc, true,
                             back, (result != 0) == when);
              }
            } else {
              check_branch(branch_id(Op, form, back), fields, to_slot(a), to_slot(b), a_in_acc, b_in_acc, false, back,
                           result != 0);
              u32 opposite = 0;
              ASSERT_EQ(Sem<negated(Op)>::apply(a, b, opposite), TrapKind::kNone);
              EXPECT_NE(result, opposite);
              ASSERT_EQ(Sem<swapped(Op)>::apply(b, a, opposite), TrapKind::kNone);
              EXPECT_EQ(result, opposite);
            }
          };
          check(Form::kSS, {S(kA), S(kB)}, false, false);
          check(Form::kAS, {S(kB)}, true, false);
          check(Form::kSA, {S(kA)}, false, true);
          if constexpr (!kFloat<T>) {
            const auto low = static_cast<i16>(b);
            if (static_cast<T>(static_cast<i64>(low)) == b) {
              check(Form::kSI, {S(kA), static_cast<u16>(low)}, false, false);
              check(Form::kAI, {static_cast<u16>(low)}, true, false);
            }
          }
        }
      }
    }
  }

  template <Opcode Op>
  void check_row() {
    SCOPED_TRACE(info(Op).text);
    machine_ = std::make_unique<InterpMachine>(GetParam());
    constexpr OpFamily kFamily = family_of(Op);
    if constexpr (kFamily == OpFamily::kUnary) {
      check_unary<Op>();
    } else if constexpr (kFamily == OpFamily::kIntBinary || kFamily == OpFamily::kFloatBinary) {
      check_binary<Op>();
    } else if constexpr (kFamily == OpFamily::kIntCompare || kFamily == OpFamily::kFloatCompare) {
      check_binary<Op>();
      check_branches<Op>();
    }
  }

  std::unique_ptr<InterpMachine> machine_;
};
BOTH_DISPATCHES(Rows);

TEST_P(Rows, every_form_of_every_numeric_row_computes_its_semantics) {
#define VM_OPCODE(id, text, prefix, code, imm, sig, width, feature, traps, const_expr) \
  check_row<Opcode::id>();                                                             \
  if (HasFatalFailure()) return;
#include "vm/opcodes.def"
}

// --- Loads and stores ------------------------------------------------------------------------------------------------

class Accesses : public BothDispatches {
 protected:
  static constexpr u64 kSize = 65536;
  void SetUp() override {
    BothDispatches::SetUp();
    if (IsSkipped()) return;
    machine_ = std::make_unique<InterpMachine>(GetParam());
    machine_->make_memory(kSize);
    for (u64 i = 0; i < kSize; ++i) machine_->memory.base[i] = static_cast<u8>(i * 37 + (i >> 8) + 0x81);
  }
  ExecStatus run_code(Code code, u64 address, u64 value) {
    FuncCode& function =
        machine_->add({.slots = 8, .params = 2, .locals = 6, .result_types = {ValType::kI64}}, std::move(code));
    return machine_->call(function, {address, value});
  }
  // What a load of the row gives, byte by byte.
  u64 loaded(Opcode op, u64 at) const {
    const OpcodeInfo& row = info(op);
    const u32 bytes = 1u << row.width_log2;
    u64 raw = 0;
    for (u32 i = 0; i < bytes; ++i) raw |= u64{machine_->memory.base[at + i]} << (8 * i);
    if (row.text.ends_with("_s") && (raw >> (8 * bytes - 1) & 1) != 0) raw |= bytes == 8 ? 0 : ~u64{0} << (8 * bytes);
    return row.text[1] == '3' ? static_cast<u32>(raw) : raw;
  }
  std::unique_ptr<InterpMachine> machine_;
};
BOTH_DISPATCHES(Accesses);

TEST_P(Accesses, loads_of_every_form_read_what_is_there_or_trap) {
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    const auto op = static_cast<Opcode>(i);
    if (family_of(op) != OpFamily::kLoad) continue;
    SCOPED_TRACE(info(op).text);
    const bool is_float = info(op).text[0] == 'f';
    const u64 bytes = u64{1} << info(op).width_log2;
    for (const u64 address :
         {u64{0}, u64{1}, u64{1000}, kSize - 9, kSize - 8, kSize - 4, kSize - 2, kSize - 1, kSize, u64{0xFFFF'FFFF}}) {
      for (const u16 offset : {0, 1, 7, 4096, 65535}) {
        const bool ok = address + offset + bytes <= kSize;
        const auto expect = [&](Code code) {
          const ExecStatus status = run_code(std::move(code), address, 0);
          if (ok) {
            ASSERT_EQ(status, ExecStatus::kReturned);
            EXPECT_EQ(machine_->result(), loaded(op, address + offset));
          } else {
            ASSERT_EQ(status, ExecStatus::kTrapped);
            EXPECT_EQ(machine_->trap.kind, TrapKind::kOutOfBoundsMemoryAccess);
          }
        };
        const u16 w = static_cast<u16>(frame_words_for(8));
        const auto store = [&](Code code) {
          const bool narrow = info(op).text[1] == '3';
          code.op(is_float ? narrow ? Special::store_facc32 : Special::store_facc : Special::store_acc, S(3));
          return code.op(Special::ret_S, S(3), w);
        };
        expect(store(Code().op(op_id(op, LoadForm::kS, Dest::kA), S(0), offset, S(2))));
        expect(Code().op(op_id(op, LoadForm::kS, Dest::kS), S(0), offset, S(2)).op(Special::ret_S, S(2), w));
        expect(store(Code().op(Special::load_acc, S(0)).op(op_id(op, LoadForm::kA, Dest::kA), offset, S(2))));
        expect(Code()
                   .op(Special::load_acc, S(0))
                   .op(op_id(op, LoadForm::kA, Dest::kS), offset, S(2))
                   .op(Special::ret_S, S(2), w));
        expect(Code().op(op_id(op, LoadForm::kX, Dest::kS), S(0), S(2), 0).word(offset).op(Special::ret_S, S(2), w));
        expect(store(Code().op(op_id(op, LoadForm::kLS, Dest::kA), S(0), offset, S(2))));
        expect(Code().op(op_id(op, LoadForm::kLS, Dest::kS), S(0), offset, S(2)).op(Special::ret_S, S(2), w));
        expect(store(Code().op(Special::load_acc, S(0)).op(op_id(op, LoadForm::kLA, Dest::kA), offset, S(2))));
        expect(Code()
                   .op(Special::load_acc, S(0))
                   .op(op_id(op, LoadForm::kLA, Dest::kS), offset, S(2))
                   .op(Special::ret_S, S(2), w));
      }
    }
    // Address and offset beyond 2^64.
    EXPECT_EQ(run_code(Code().op(op_id(op, LoadForm::kX, Dest::kS), S(0), S(2), 0).word(~u64{0}), 1, 0),
              ExecStatus::kTrapped);
    EXPECT_EQ(run_code(Code().op(op_id(op, LoadForm::kX, Dest::kS), S(0), S(2), 0).word(~u64{0}), 0, 0),
              ExecStatus::kTrapped);
    // Long addresses beyond 2^32 count in full, and sums do not wrap: 2^64 - 8 + 8 + ... would be 0.
    for (const u64 address : {u64{1} << 32, ~u64{0}, ~u64{0} - 7, ~u64{0} - 4103, u64{1} << 63}) {
      for (const u16 offset : {0, 8, 4104, 65535}) {
        EXPECT_EQ(run_code(Code().op(op_id(op, LoadForm::kLS, Dest::kS), S(0), offset, S(2)), address, 0),
                  ExecStatus::kTrapped);
        EXPECT_EQ(run_code(Code().op(Special::load_acc, S(0)).op(op_id(op, LoadForm::kLA, Dest::kS), offset, S(2)),
                           address, 0),
                  ExecStatus::kTrapped);
      }
    }
  }
}

TEST_P(Accesses, stores_of_every_form_write_their_bytes_or_nothing) {
  for (size_t i = 0; i < kOpcodeCount; ++i) {
    const auto op = static_cast<Opcode>(i);
    if (family_of(op) != OpFamily::kStore) continue;
    SCOPED_TRACE(info(op).text);
    const bool is_float = info(op).text[0] == 'f';
    const u64 bytes = u64{1} << info(op).width_log2;
    const Special load = is_float ? Special::load_facc : Special::load_acc;
    for (const u64 address : {u64{0}, u64{13}, kSize - 8, kSize - 7, kSize - 4, kSize - 3, kSize - 1, kSize}) {
      for (const u16 offset : {0, 1, 3}) {
        for (int form = 0; form < 11; ++form) {
          if ((form == 4 || form == 10) && is_float) continue;
          u64 value = 0x8765'4321'0FED'CBA9;
          Code code;
          const u16 id = op_id(op, static_cast<StoreForm>(form));
          switch (static_cast<StoreForm>(form)) {
            case StoreForm::kLSS:
            case StoreForm::kSS: code.op(id, S(0), offset, S(1)); break;
            case StoreForm::kLAS:
            case StoreForm::kAS: code.op(Special::load_acc, S(0)).op(id, offset, S(1)); break;
            case StoreForm::kLSA:
            case StoreForm::kSA: code.op(load, S(1)).op(id, S(0), offset); break;
            case StoreForm::kLAF:
            case StoreForm::kAF:
              if (!is_float) continue;
              code.op(Special::load_acc, S(0)).op(load, S(1)).op(id, offset);
              break;
            case StoreForm::kLSI:
            case StoreForm::kSI:
              value = static_cast<u64>(i64{-2});
              code.op(id, S(0), offset, imm(-2));
              break;
            case StoreForm::kX: code.op(id, S(0), S(1), 0).word(offset); break;
          }
          code.op(Special::ret_S, S(0), static_cast<u16>(frame_words_for(8)));
          const u64 at = address + offset;
          std::vector<u8> want(machine_->memory.base, machine_->memory.base + kSize);
          const bool ok = at + bytes <= kSize;
          if (ok) std::memcpy(want.data() + at, &value, bytes);
          EXPECT_EQ(run_code(std::move(code), address, value), ok ? ExecStatus::kReturned : ExecStatus::kTrapped);
          EXPECT_EQ(std::memcmp(want.data(), machine_->memory.base, kSize), 0) << form;
        }
      }
    }
  }
}

// --- Special operations ----------------------------------------------------------------------------------------------

class Specials : public BothDispatches {
 protected:
  void SetUp() override {
    BothDispatches::SetUp();
    if (!IsSkipped()) machine_ = std::make_unique<InterpMachine>(GetParam());
  }
  static constexpr u16 kWords = frame_words_for(12);
  u64 value_of(Code code, u64 a = 0, u64 b = 0) {
    FuncCode& function =
        machine_->add({.slots = 12, .params = 2, .locals = 10, .result_types = {ValType::kI64}}, std::move(code));
    EXPECT_EQ(machine_->call(function, {a, b}), ExecStatus::kReturned);
    return machine_->result();
  }
  std::unique_ptr<InterpMachine> machine_;
};
BOTH_DISPATCHES(Specials);

TEST_P(Specials, moves_and_constants) {
  EXPECT_EQ(value_of(Code().op(Special::mov, S(1), S(3)).op(Special::ret_S, S(3), kWords), 1, 99), 99u);
  EXPECT_EQ(value_of(Code().op(Special::const16, imm(-3), S(3)).op(Special::ret_S, S(3), kWords)),
            static_cast<u64>(i64{-3}));
  EXPECT_EQ(value_of(Code().op32(Special::const32u, S(3), -3).op(Special::ret_S, S(3), kWords)), 0xFFFF'FFFDu);
  EXPECT_EQ(value_of(Code().constant(S(3), 0x1234'5678'9ABC'DEF0).op(Special::ret_S, S(3), kWords)),
            0x1234'5678'9ABC'DEF0u);
  EXPECT_EQ(value_of(Code().op(Special::wide_get, S(3)).pair(S(1), 0).op(Special::ret_S, S(3), kWords), 1, 98), 98u);
  EXPECT_EQ(value_of(Code().op(Special::wide_set, S(1)).pair(S(4), 0).op(Special::ret_S, S(4), kWords), 1, 97), 97u);
  EXPECT_EQ(value_of(Code().op(Special::ret_I, 0xFFFF, kWords)), 0xFFFFu);
  // Overlapping: slots 0, 1 to 1, 2.
  EXPECT_EQ(value_of(Code().op(Special::mov_range, S(0), S(1)).pair(2, 0).op(Special::ret_S, S(2), kWords), 5, 6), 6u);
  EXPECT_EQ(
      value_of(Code().op(Special::load_facc, S(1)).op(Special::store_facc32, S(3)).op(Special::ret_S, S(3), kWords), 0,
               0xAAAA'BBBB'CCCC'DDDD),
      0xCCCC'DDDDu);
}

TEST_P(Specials, select_takes_either_side) {
  for (const u64 condition : {u64{0}, u64{1}, u64{0x8000'0000}}) {
    for (const bool is_float : {false, true}) {
      for (const bool in_slot : {false, true}) {
        for (const bool stores : {false, true}) {
          const u16 id = static_cast<u16>(op_id(is_float ? Special::fselect_A_A : Special::select_A_A) +
                                          (in_slot ? 2 : 0) + stores);
          Code code;
          code.constant(S(3), condition).op(Special::load_acc, S(3)).op(id, S(0), S(1), S(4));
          if (in_slot) code.list({S(3)}, {});
          if (!stores) code.op(is_float ? Special::store_facc : Special::store_acc, S(4));
          code.op(Special::ret_S, S(4), kWords);
          EXPECT_EQ(value_of(std::move(code), 0xAAAA'0000'0000'0001, 0xBBBB'0000'0000'0002),
                    condition != 0 ? 0xAAAA'0000'0000'0001 : 0xBBBB'0000'0000'0002);
        }
      }
    }
  }
}

TEST_P(Specials, globals) {
  machine_->globals[3] = 0x0102'0304'0506'0708;
  EXPECT_EQ(value_of(Code().op(Special::global_get_A, 3, S(4)).op(Special::ret_A, kWords)), machine_->globals[3]);
  EXPECT_EQ(value_of(Code().op(Special::global_get_S, 3, S(4)).op(Special::ret_S, S(4), kWords)), machine_->globals[3]);
  EXPECT_EQ(value_of(Code().op(Special::global_fget_A, 3, S(4)).op(Special::ret_F, kWords)), machine_->globals[3]);
  EXPECT_EQ(value_of(Code().op(Special::global_fget_S, 3, S(4)).op(Special::ret_S, S(4), kWords)),
            machine_->globals[3]);
  EXPECT_EQ(value_of(Code().op(Special::global_get_x, S(4)).pair(3, 0).op(Special::ret_S, S(4), kWords)),
            machine_->globals[3]);
  const auto set = [&](Code code, u64 value) {
    value_of(std::move(code.op(Special::ret_S, S(1), kWords)), 0, value);
    return machine_->globals[5];
  };
  EXPECT_EQ(set(Code().op(Special::global_set_S, S(1), 5), 11), 11u);
  EXPECT_EQ(set(Code().op(Special::load_acc, S(1)).op(Special::global_set_A, 5), 12), 12u);
  EXPECT_EQ(set(Code().op(Special::load_facc, S(1)).op(Special::global_set_F, 5), ~u64{0}), ~u64{0});
  EXPECT_EQ(set(Code().op(Special::load_facc, S(1)).op(Special::global_set_F32, 5), ~u64{0}), 0xFFFF'FFFFu);
  EXPECT_EQ(set(Code().op(Special::global_set_x, S(1)).pair(5, 0), 13), 13u);
  u64 owner = 21;
  u64* imported[2] = {nullptr, &owner};
  machine_->instance().imported_globals = imported;
  EXPECT_EQ(value_of(Code().op(Special::global_get_imported, S(4)).pair(1, 0).op(Special::ret_S, S(4), kWords)), 21u);
  value_of(Code().op(Special::global_set_imported, S(1)).pair(1, 0).op(Special::ret_S, S(1), kWords), 0, 22);
  EXPECT_EQ(owner, 22u);
}

TEST_P(Specials, branches_on_a_condition) {
  for (const u64 condition : {u64{0}, u64{7}}) {
    for (const Special special :
         {Special::br_if_S, Special::br_if_A, Special::br_ifz_S, Special::br_ifz_A, Special::br_if_back_S,
          Special::br_if_back_A, Special::br_ifz_back_S, Special::br_ifz_back_A}) {
      const bool zero = special == Special::br_ifz_S || special == Special::br_ifz_A ||
                        special == Special::br_ifz_back_S || special == Special::br_ifz_back_A;
      const bool back = special >= Special::br_if_back_S;
      Code code;
      code.op32(Special::br, 0, 2).op(Special::ret_I, 1, kWords).op(Special::load_acc, S(0));
      code.op32(special, S(0), back ? -2 : 2).op(Special::ret_I, 2, kWords).op(Special::ret_I, 1, kWords);
      EXPECT_EQ(value_of(std::move(code), condition), (condition == 0) == zero ? 1u : 2u) << static_cast<int>(special);
    }
  }
}

TEST_P(Specials, br_table_takes_the_last_entry_beyond_its_end) {
  for (const Special special : {Special::br_table_S, Special::br_table_A}) {
    for (const u64 index : {u64{0}, u64{1}, u64{2}, u64{3}, u64{0xFFFF'FFFF}}) {
      Code code;
      code.op(Special::load_acc, S(0)).op32(special, S(0), 3);
      for (int i = 0; i < 4; ++i) code.op32(Special::br, 0, 5 + i);  // Entries: only their offsets count.
      for (u16 i = 0; i < 4; ++i) code.op(Special::ret_I, static_cast<u16>(10 + i), kWords);
      EXPECT_EQ(value_of(std::move(code), index), 10 + std::min<u64>(index, 3));
    }
  }
}

TEST_P(Specials, memory_size_and_grow) {
  machine_->make_memory(65536);
  machine_->memory.max_bytes = 3 * 65536;
  const auto size = [&] { return value_of(Code().op(Special::memory_size_A, S(4), 0).op(Special::ret_A, kWords)); };
  const auto grow = [&](u64 pages) {
    return value_of(
        Code().op(Special::memory_grow, S(0), S(4), 0).op(Special::store_acc, S(5)).op(Special::ret_S, S(5), kWords),
        pages);
  };
  machine_->memory.base[77] = 9;
  EXPECT_EQ(size(), 1u);
  EXPECT_EQ(grow(1), 1u);
  EXPECT_EQ(size(), 2u);
  EXPECT_EQ(machine_->memory.base[77], 9);
  EXPECT_EQ(grow(2), 0xFFFF'FFFFu);
  EXPECT_EQ(value_of(Code().op(Special::memory_size_S, S(4), 0).op(Special::ret_S, S(4), kWords)), 2u);
  // The machine's registers follow a memory that moves: load beyond the old size right behind the growth.
  EXPECT_EQ(value_of(Code()
                         .op(Special::memory_grow, S(0), S(4), 0)
                         .op(op_id(Opcode::i32_load, LoadForm::kS, Dest::kA), S(1), 0, S(4))
                         .op(Special::ret_A, kWords),
                     1, 2 * 65536 + 12),
            0u);
}

TEST_P(Specials, tables) {
  machine_->make_table(4);
  const auto set = Code().op(Special::table_set, S(0), S(1)).pair(0, 0).op(Special::ret_I, 1, kWords);
  const auto get = Code().op(Special::table_get, S(0), S(4)).pair(0, 0).op(Special::ret_S, S(4), kWords);
  value_of(set, 3, 64);
  EXPECT_EQ(machine_->elems[3], 64u);
  EXPECT_EQ(value_of(get, 3), 64u);
  EXPECT_EQ(value_of(Code().op(Special::table_size, S(4)).pair(0, 0).op(Special::ret_S, S(4), kWords)), 4u);
  for (const Code& code : {set, get}) {
    FuncCode& function = machine_->add({.slots = 12, .params = 2, .locals = 10, .result_types = {ValType::kI64}}, code);
    EXPECT_EQ(machine_->call(function, {4, 0}), ExecStatus::kTrapped);
    EXPECT_EQ(machine_->trap.kind, TrapKind::kOutOfBoundsTableAccess);
  }
}

TEST_P(Specials, unreachable_traps) {
  FuncCode& function = machine_->add({.slots = 4}, Code().op(Special::unreachable));
  EXPECT_EQ(machine_->call(function), ExecStatus::kTrapped);
  EXPECT_EQ(machine_->trap.kind, TrapKind::kUnreachable);
  EXPECT_EQ(machine_->resume, Resume::kFinished);
  EXPECT_EQ(reinterpret_cast<u8*>(machine_->fp), machine_->stack_hi);
}

}  // namespace
}  // namespace lunabeam::vm::interp
