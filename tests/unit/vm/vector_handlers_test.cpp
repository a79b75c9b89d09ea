// Every vector row through its handlers, of whatever instruction set this processor has, against the portable VectorSem<Opcode>, in both
// dispatches; and what the accumulators hold behind it.
#include <algorithm>
#include <cstring>

#include "tests/unit/vm/interp_machine.h"
#include "vm/interp/vector_semantics.h"

namespace lunabeam::vm::interp {
namespace {

using portable::VectorSem;

// Slots of the test function: three vectors, a number, the result, the accumulators behind the row.
constexpr u32 kA = 0, kB = 2, kC = 4, kNumber = 6, kD = 8, kAcc = 10, kFacc = 11;
constexpr u64 kMark = 0x1111'2222'3333'4444;
constexpr u32 kMemoryBytes = 64;

constexpr u64 kWords[] = {0,
                          ~u64{0},
                          0x8000'0000'8000'0000,
                          0x7FFF'8000'0001'FF80,
                          0x0123'4567'89AB'CDEF,
                          0x3FC0'0000'C020'0000,
                          0x4004'0000'0000'0000,
                          0xC1E0'0000'0020'0000,
                          0x7FF0'0000'7F80'0000,
                          0x0102'0304'0506'0708,
                          0xFF7F'807F'FE01'0010};

struct Sample {
  V128 a, b, c;
  u64 number;
};

std::vector<Sample> samples() {
  std::vector<Sample> list;
  const auto at = [](size_t i) { return kWords[i % std::size(kWords)]; };
  for (size_t i = 0; i < 40; ++i) {
    list.push_back({V128{at(i), at(i * 3 + 1)}, V128{at(i * 5 + 2), at(i * 7 + 3)}, V128{at(i * 2 + 4), at(i + 5)},
                    at(i * 4 + 6) + i});
  }
  return list;
}

template <class T>
T as_number(u64 bits) {
  if constexpr (sizeof(T) == 4) {
    return std::bit_cast<T>(static_cast<u32>(bits));
  } else {
    return std::bit_cast<T>(bits);
  }
}
template <class T>
u64 slot_of(T value) {
  if constexpr (sizeof(T) == 4) {
    return std::bit_cast<u32>(value);
  } else {
    return std::bit_cast<u64>(value);
  }
}

class VectorRows : public BothDispatches {
 protected:
  void SetUp() override {
    BothDispatches::SetUp();
    if (IsSkipped()) return;
    machine_ = std::make_unique<InterpMachine>(GetParam());
    machine_->make_memory(kMemoryBytes);
    for (u32 i = 0; i < kMemoryBytes; ++i) machine_->memory.base[i] = static_cast<u8>(i * 37 + 5);
  }

  // Runs the row's words behind loads of marks into both accumulators (or of the number into acc).
  void run_row(const Sample& sample, Code row, bool number_in_acc = false) {
    Code code;
    code.constant(S(kD), kMark).constant(S(kD + 1), kMark);
    code.op(Special::load_acc, S(kD)).op(Special::load_facc, S(kD));
    if (number_in_acc) code.op(Special::load_acc, S(kNumber));
    code.words.insert(code.words.end(), row.words.begin(), row.words.end());
    code.op(Special::store_acc, S(kAcc)).op(Special::store_facc, S(kFacc));
    code.op(Special::ret_range, S(kD), 4, 0).list({0, 0, 0, 0});
    const FuncCode& function =
        machine_->add({.slots = 12,
                       .params = 7,
                       .locals = 5,
                       .result_types = {ValType::kI64, ValType::kI64, ValType::kI64, ValType::kI64}},
                      std::move(code));
    status_ = machine_->call(
        function, {sample.a[0], sample.a[1], sample.b[0], sample.b[1], sample.c[0], sample.c[1], sample.number});
  }
  // Of two NaN operands a compiler may put either first, and so choose the payload of the result: a quiet NaN is as good as another.
  void expect_half(u64 got, u64 want) {
    const auto is_quiet = [this](u64 lane) {
      constexpr u64 kQuiet32 = 0x7FC0'0000;
      constexpr u64 kQuiet64 = 0x7FF8'0000'0000'0000;
      return float_bits_ == 32 ? (lane & kQuiet32) == kQuiet32 : (lane & kQuiet64) == kQuiet64;
    };
    const u32 bits = float_bits_ == 0 ? 64 : float_bits_;
    for (u32 at = 0; at < 64; at += bits) {
      const u64 mask = ~u64{0} >> (64 - bits);
      const u64 got_lane = got >> at & mask;
      const u64 want_lane = want >> at & mask;
      if (float_bits_ != 0 && is_quiet(got_lane) && is_quiet(want_lane)) continue;
      EXPECT_EQ(got_lane, want_lane) << "bit " << at;
    }
  }
  void expect_vector(V128 want, bool number_in_acc = false, u64 number = 0) {
    ASSERT_EQ(status_, ExecStatus::kReturned);
    for (u32 half = 0; half < 2; ++half) expect_half(machine_->result(half), want[half]);
    EXPECT_EQ(machine_->result(2), number_in_acc ? number : kMark) << "acc";
    EXPECT_EQ(machine_->result(3), kMark) << "facc";
  }
  template <class T>
  void expect_number(T want, bool stores) {
    ASSERT_EQ(status_, ExecStatus::kReturned);
    EXPECT_EQ(machine_->result(0), stores ? slot_of(want) : kMark);
    constexpr bool kIsFloat = std::is_floating_point_v<T>;
    const u64 acc = machine_->result(kIsFloat ? 3 : 2);
    EXPECT_EQ(kIsFloat && sizeof(T) == 4 ? static_cast<u32>(acc) : acc, slot_of(want));
    EXPECT_EQ(machine_->result(kIsFloat ? 2 : 3), kMark);
  }
  void expect_trap() {
    ASSERT_EQ(status_, ExecStatus::kTrapped);
    EXPECT_EQ(machine_->trap.kind, TrapKind::kOutOfBoundsMemoryAccess);
  }
  template <Opcode Op>
  void check_row() {
    using Sm = VectorSem<Op>;
    constexpr OpFamily kFamily = family_of(Op);
    SCOPED_TRACE(std::string(info(Op).text));
    float_bits_ = info(Op).text.starts_with("f32x4") ? 32 : info(Op).text.starts_with("f64x2") ? 64 : 0;
    for (const Sample& s : samples()) {
      if constexpr (kFamily == OpFamily::kVectorUnary) {
        run_row(s, Code().op(op_id(Op), S(kA), S(kD)));
        expect_vector(Sm::kFunction(s.a));
      } else if constexpr (kFamily == OpFamily::kVectorBinary) {
        run_row(s, Code().op(op_id(Op), S(kA), S(kB), S(kD)));
        expect_vector(Sm::kFunction(s.a, s.b));
      } else if constexpr (kFamily == OpFamily::kVectorTernary) {
        run_row(s, Code().op(op_id(Op), S(kA), S(kB), S(kD)).list({S(kC)}));
        expect_vector(Sm::kFunction(s.a, s.b, s.c));
      } else if constexpr (kFamily == OpFamily::kVectorShift) {
        const auto count = static_cast<u32>(s.number);
        run_row(s, Code().op(op_id(Op, ShiftForm::kS), S(kA), S(kNumber), S(kD)));
        expect_vector(Sm::kFunction(s.a, count));
        run_row(s, Code().op(op_id(Op, ShiftForm::kI), S(kA), static_cast<u16>(count), S(kD)));
        expect_vector(Sm::kFunction(s.a, count));
      } else if constexpr (kFamily == OpFamily::kVectorSplat) {
        run_row(s, Code().op(op_id(Op), S(kNumber), S(kD)));
        expect_vector(Sm::kFunction(as_number<typename Sm::template Operand<0>>(s.number)));
      } else if constexpr (kFamily == OpFamily::kVectorTest) {
        for (const Dest dest : {Dest::kA, Dest::kS}) {
          run_row(s, Code().op(op_id(Op, dest), S(kA), S(kD)));
          expect_number(Sm::kFunction(s.a), dest == Dest::kS);
        }
      } else if constexpr (kFamily == OpFamily::kVectorExtract) {
        u8 bytes[16];
        std::memcpy(bytes, &s.a, sizeof bytes);
        for (u16 lane = 0; lane < lane_count(info(Op)); ++lane) {
          for (const Dest dest : {Dest::kA, Dest::kS}) {
            run_row(s, Code().op(op_id(Op, dest), S(kA), lane, S(kD)));
            expect_number(Sm::kFunction(bytes, lane), dest == Dest::kS);
          }
        }
      } else if constexpr (kFamily == OpFamily::kVectorReplace) {
        for (u16 lane = 0; lane < lane_count(info(Op)); ++lane) {
          run_row(s, Code().op(op_id(Op), S(kA), S(kNumber), S(kD)).list({lane}));
          expect_vector(Sm::kFunction(s.a, lane, as_number<typename Sm::template Operand<2>>(s.number)));
        }
      } else if constexpr (kFamily == OpFamily::kVectorShuffle) {
        const V128 lanes = s.c & V128{0x1F1F'1F1F'1F1F'1F1F, 0x1F1F'1F1F'1F1F'1F1F};
        run_row(s, Code().op(op_id(Op), S(kA), S(kB), S(kD)).word(lanes[0]).word(lanes[1]));
        expect_vector(Sm::kFunction(s.a, s.b, lanes));
      } else {
        check_access<Op>(s);
      }
      if (HasFatalFailure()) return;
    }
  }

  template <Opcode Op>
  void check_access(Sample s) {
    using Sm = VectorSem<Op>;
    constexpr OpFamily kFamily = family_of(Op);
    constexpr u32 kBytes = 1u << info(Op).width_log2;
    u8* const memory = machine_->memory.base;
    // The last address that is in bounds, with the offset 5, and the one behind it.
    for (const bool inside : {true, false}) {
      const u16 offset = 5;
      s.number = kMemoryBytes - kBytes - offset + (inside ? 0 : 1);
      const u8* const at = memory + kMemoryBytes - kBytes;
      if constexpr (kFamily == OpFamily::kVectorLoad) {
        const auto check = [&](const Code& row, bool in_acc) {
          run_row(s, row, in_acc);
          if (inside) {
            expect_vector(Sm::kFunction(at), in_acc, s.number);
          } else {
            expect_trap();
          }
        };
        check(Code().op(op_id(Op, AddressForm::kS), S(kNumber), offset, S(kD)), false);
        check(Code().op(op_id(Op, AddressForm::kA), offset, S(kD)), true);
        check(Code().op(op_id(Op, AddressForm::kX), S(kNumber), S(kD), 0).word(offset), false);
      } else if constexpr (kFamily == OpFamily::kVectorStore) {
        const auto check = [&](const Code& row, bool in_acc) {
          std::vector<u8> before(memory, memory + kMemoryBytes);
          std::vector<u8> want = before;
          if (inside) std::memcpy(want.data() + kMemoryBytes - kBytes, &s.a, kBytes);
          run_row(s, row, in_acc);
          if (!inside) expect_trap();
          // A store that traps has written nothing.
          EXPECT_TRUE(std::equal(want.begin(), want.end(), memory));
          std::copy(before.begin(), before.end(), memory);
        };
        check(Code().op(op_id(Op, AddressForm::kS), S(kNumber), offset, S(kA)), false);
        check(Code().op(op_id(Op, AddressForm::kA), offset, S(kA)), true);
        check(Code().op(op_id(Op, AddressForm::kX), S(kNumber), S(kA), 0).word(offset), false);
      } else {
        for (u16 lane = 0; lane < lane_count(info(Op)); ++lane) {
          std::vector<u8> want(memory, memory + kMemoryBytes);
          u8 bytes[16];
          std::memcpy(bytes, &s.a, sizeof bytes);
          run_row(s, Code().op(op_id(Op), S(kNumber), S(kA), S(kD)).word(offset).list({0, lane}));
          if (!inside) {
            expect_trap();
          } else if constexpr (kFamily == OpFamily::kVectorLoadLane) {
            expect_vector(Sm::kFunction(at, s.a, lane));
          } else {
            std::memcpy(want.data() + kMemoryBytes - kBytes, bytes + lane * kBytes, kBytes);
          }
          EXPECT_TRUE(std::equal(want.begin(), want.end(), memory));
        }
      }
    }
    // An address and an offset whose sum has no 64 bits.
    if constexpr (kFamily == OpFamily::kVectorLoad) {
      s.number = ~u64{0} - 3;
      run_row(s, Code().op(op_id(Op, AddressForm::kX), S(kNumber), S(kD), 0).word(0x20));
      expect_trap();
    }
  }

  std::unique_ptr<InterpMachine> machine_;
  u32 float_bits_ = 0;  // Width of the lanes of the row when they are floats, else 0.
  ExecStatus status_ = ExecStatus::kReturned;
};

TEST_P(VectorRows, AllRows) {
#define VM_OPCODE(id, text, prefix, code, imm, sig, width, feature, traps, const_expr) \
  if constexpr (is_vector(family_of(Opcode::id))) check_row<Opcode::id>();
#include "vm/opcodes.def"
}

BOTH_DISPATCHES(VectorRows);

}  // namespace
}  // namespace lunabeam::vm::interp
