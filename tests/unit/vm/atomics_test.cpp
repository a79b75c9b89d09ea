// Atomic operations, shared memories, wait and notify, as far as one process goes.
#include <algorithm>
#include <cstring>
#include <random>
#include <string>

#include "tests/unit/vm/text_store.h"
#include "vm/reductions.h"

namespace lunabeam::vm {
namespace {

class Atomics : public TextStoreTest {};
TEXT_STORE_DISPATCHES(Atomics);

struct Width {
  const char* type;
  const char* bits;    // In mnemonics.
  const char* suffix;  // ...
  u32 bytes;
};
constexpr Width kWidths[] = {{"i32", "", "", 4},     {"i64", "", "", 8},    {"i32", "8", "_u", 1},
                             {"i32", "16", "_u", 2}, {"i64", "8", "_u", 1}, {"i64", "16", "_u", 2},
                             {"i64", "32", "_u", 4}};

std::string function(std::string_view name, const std::string& op, std::string_view address, std::string_view type,
                     int operands, bool has_result) {
  std::string text = "(func (export \"" + std::string(name) + "\") (param " + std::string(address);
  for (int i = 0; i < operands; ++i) text += " " + std::string(type);
  text += ")";
  if (has_result) text += " (result " + std::string(type) + ")";
  text += " (" + op;
  for (int i = 0; i <= operands; ++i) text += " (local.get " + std::to_string(i) + ")";
  return text + "))";
}

// Every operator in every width, on memory 0 and another one, of both address types, shared or not.
TEST_P(Atomics, ReadModifyAndWrite) {
  const char* const memories[] = {"(memory 1)", "(memory 1 1 shared)", "(memory i64 1)",
                                  "(memory 0) (memory i64 1 1 shared)"};
  std::mt19937_64 random(7);
  for (const std::string memory : memories) {
    const u32 index = memory.find("(memory 0)") != std::string::npos ? 1 : 0;
    const std::string at = index == 0 ? " offset=16" : " 1 offset=16";
    const std::string_view address = memory.find("i64") != std::string::npos ? "i64" : "i32";
    for (const Width& width : kWidths) {
      const std::string type = width.type;
      const std::string bits = width.bits;
      std::string source = "(module " + memory;
      source += function("load", type + ".atomic.load" + bits + width.suffix + at, address, type, 0, true);
      source += function("store", type + ".atomic.store" + bits + at, address, type, 1, false);
      for (const char* op : {"add", "sub", "and", "or", "xor", "xchg", "cmpxchg"}) {
        source += function(op, type + ".atomic.rmw" + bits + "." + op + width.suffix + at, address, type,
                           std::string_view(op) == "cmpxchg" ? 2 : 1, true);
      }
      open({});
      Ctx* const ctx = make(source + ")");
      ASSERT_NE(ctx, nullptr);
      const MemoryInst& inst = *ctx->memories[index];
      const u64 mask = ~u64{0} >> (64 - 8 * width.bytes);
      const u64 whole = type == "i32" ? 0xFFFF'FFFF : ~u64{0};
      u64 cell = 0;
      const auto check = [&](const char* op, u64 operand, u64 after) {
        EXPECT_EQ(value(ctx, op, {8, operand & whole}), cell) << op;
        cell = after & mask;
        u64 bytes = 0;
        std::memcpy(&bytes, inst.base + 24, 8);
        EXPECT_EQ(bytes, cell) << op;  // Nothing beside it.
        EXPECT_EQ(value(ctx, "load", {8}), cell);
      };
      for (int i = 0; i < 20; ++i) {
        const u64 operand = random();
        check("add", operand, cell + operand);
        check("sub", operand * 3, cell - operand * 3);
        check("or", operand, cell | operand);
        check("xor", ~operand, cell ^ ~operand);
        check("and", operand, cell & operand);
        check("xchg", operand, operand);
        const u64 next = random();
        EXPECT_EQ(value(ctx, "cmpxchg", {8, (cell + 1) & whole, next & whole}), cell);  // Not equal.
        EXPECT_EQ(value(ctx, "load", {8}), cell);
        if (mask != whole) {  // Of what is expected only as many bits count.
          EXPECT_EQ(value(ctx, "cmpxchg", {8, cell | (mask + 1), ~next & whole}), cell);
          cell = ~next & mask;
        }
        EXPECT_EQ(value(ctx, "load", {8}), cell);
        EXPECT_EQ(value(ctx, "cmpxchg", {8, cell, next & whole}), cell);
        cell = next & mask;
        EXPECT_EQ(value(ctx, "load", {8}), cell);
        values(ctx, "store", {8, operand & whole});
        cell = operand & mask;
      }
      // Alignment is that of the effective address and counts before bounds, also when the sum wraps.
      const u64 unaligned = width.bytes == 1 ? 0 : 1;
      const u64 size = inst.size_bytes;
      for (const char* op : {"load", "store", "add", "cmpxchg"}) {
        const auto fault = [&](u64 where) {
          const u64 to = address == "i32" ? static_cast<u32>(where) : where;
          if (std::string_view(op) == "load") return trap(ctx, op, {to});
          return std::string_view(op) == "cmpxchg" ? trap(ctx, op, {to, 0, 0}) : trap(ctx, op, {to, 0});
        };
        EXPECT_EQ(fault(size - 16), TrapKind::kOutOfBoundsMemoryAccess) << op;
        if (unaligned != 0) {
          EXPECT_EQ(fault(8 + unaligned), TrapKind::kUnalignedAtomic) << op;
          EXPECT_EQ(fault(size + unaligned), TrapKind::kUnalignedAtomic) << op;
        }
        if (address == "i64") {
          EXPECT_EQ(fault(~u64{0} - 15), TrapKind::kOutOfBoundsMemoryAccess) << op;  // To 0: the offset is 16.
          if (unaligned != 0) EXPECT_EQ(fault(~u64{0} - 14), TrapKind::kUnalignedAtomic) << op;
        }
      }
    }
  }
}

TEST_P(Atomics, WaitAndNotify) {
  Ctx* const ctx = make(R"((module (memory $s 1 1 shared) (memory $u 1)
    (func (export "set") (param i32 i64) (i64.store (local.get 0) (local.get 1)))
    (func (export "wait32") (param i32 i32 i64) (result i32) (memory.atomic.wait32 offset=8 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "wait64") (param i32 i64 i64) (result i32) (memory.atomic.wait64 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "among others") (param i32 i64 f64) (result f64)
      (f64.add (local.get 2) (f64.const 1))
      (i64.mul (local.get 1) (i64.const 2))
      (memory.atomic.wait64 (local.get 0) (local.get 1) (i64.const -1))
      (i64.extend_i32_u) (i64.add) (f64.convert_i64_u) (f64.add))
    (func (export "unshared") (result i32) (memory.atomic.wait32 $u (i32.const 0) (i32.const 1) (i64.const 0)))
    (func (export "unshared64") (result i32) (memory.atomic.wait64 $u (i32.const 0) (i64.const 0) (i64.const -1)))
    (func (export "notify") (param i32 i32) (result i32) (memory.atomic.notify offset=4 (local.get 0) (local.get 1)))
    (func (export "notify unshared") (param i32) (result i32) (memory.atomic.notify $u (local.get 0) (i32.const -1)))
    (func (export "fence") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)) (atomic.fence))))");
  constexpr u64 kNotEqual = 1;
  constexpr u64 kTimedOut = 2;
  invoke(ctx, "set", {8, 0x1'0000'0005});
  const u64 cheap = invoke(ctx, "wait32", {0, 6, 0}).reductions;
  EXPECT_EQ(value(ctx, "wait32", {0, 6, 0}), kNotEqual);
  for (const u64 timeout : {u64{0}, u64{1'000'000'000}, ~u64{0}, u64{1} << 63}) {
    EXPECT_EQ(value(ctx, "wait32", {0, 5, timeout}), kTimedOut);
    EXPECT_EQ(value(ctx, "wait64", {8, 0x1'0000'0005, timeout}), kTimedOut);
    EXPECT_EQ(value(ctx, "wait64", {8, 5, timeout}), kNotEqual);
  }
  EXPECT_EQ(invoke(ctx, "wait32", {0, 5, ~u64{0}}).reductions, cheap + kAtomicWaitReductions);
  EXPECT_EQ(std::bit_cast<f64>(value(ctx, "among others", {8, 0x1'0000'0005, std::bit_cast<u64>(0.5)})),
            1.5 + 2 * f64{0x1'0000'0005} + 2);
  EXPECT_EQ(trap(ctx, "unshared"), TrapKind::kExpectedSharedMemory);
  EXPECT_EQ(trap(ctx, "unshared64"), TrapKind::kExpectedSharedMemory);
  EXPECT_EQ(text_of(TrapKind::kExpectedSharedMemory), "expected shared memory");
  EXPECT_EQ(trap(ctx, "wait32", {2, 5, 0}), TrapKind::kUnalignedAtomic);
  EXPECT_EQ(trap(ctx, "wait64", {4, 5, 0}), TrapKind::kUnalignedAtomic);
  EXPECT_EQ(trap(ctx, "wait32", {65536, 5, 0}), TrapKind::kOutOfBoundsMemoryAccess);
  EXPECT_EQ(value(ctx, "notify", {0, 10}), 0u);
  EXPECT_EQ(value(ctx, "notify unshared", {65532}), 0u);
  EXPECT_EQ(trap(ctx, "notify", {1, 0}), TrapKind::kUnalignedAtomic);
  EXPECT_EQ(trap(ctx, "notify", {65532, 0}), TrapKind::kOutOfBoundsMemoryAccess);
  EXPECT_EQ(value(ctx, "fence", {41}), 42u);
}

TEST_P(Atomics, Types) {
  EXPECT_EQ(load_error("(module (memory 1 shared))"), ErrorCode::kSharedWithoutMaximum);
  EXPECT_EQ(load_error("(module (func (drop (i32.atomic.load (i32.const 0)))))"), ErrorCode::kUnknownMemory);
  for (const char* body : {"(drop (i32.atomic.load align=2 (i32.const 0)))",
                           "(drop (i32.atomic.rmw8.add_u align=2 (i32.const 0) (i32.const 0)))",
                           "(i64.atomic.store align=16 (i32.const 0) (i64.const 0))",
                           "(drop (memory.atomic.notify align=1 (i32.const 0) (i32.const 0)))"}) {
    EXPECT_EQ(load_error("(module (memory 1 1 shared) (func " + std::string(body) + "))"), ErrorCode::kAtomicAlignment)
        << body;
  }
  for (const char* body :
       {"(drop (i32.atomic.load (i64.const 0)))", "(drop (i64.atomic.rmw32.add_u (i32.const 0) (i32.const 0)))",
        "(drop (memory.atomic.wait64 (i32.const 0) (i32.const 0) (i64.const 0)))",
        "(i32.atomic.store (i32.const 0) (i64.const 0))"}) {
    EXPECT_EQ(load_error("(module (memory 1 1 shared) (func " + std::string(body) + "))"), ErrorCode::kTypeMismatch)
        << body;
  }
}

TEST_P(Atomics, SharedMemoriesMatchSharedOnes) {
  Ctx* const owner = make(R"((module (memory (export "s") 1 4 shared) (memory (export "u") 1 4)
    (func (export "load") (result i32) (i32.atomic.load (i32.const 65536)))))",
                          "m");
  EXPECT_EQ(make_error("(module (import \"m\" \"s\" (memory 1 4)))"), ErrorCode::kIncompatibleImportType);
  EXPECT_EQ(make_error("(module (import \"m\" \"u\" (memory 1 4 shared)))"), ErrorCode::kIncompatibleImportType);
  EXPECT_EQ(make_error("(module (import \"m\" \"s\" (memory 1 3 shared)))"), ErrorCode::kIncompatibleImportType);
  Ctx* const user = make(R"((module (import "m" "s" (memory 1 4 shared))
    (func (export "grow") (result i32) (memory.grow (i32.const 1)))
    (func (export "add") (result i32) (i32.atomic.rmw.add (i32.const 65536) (i32.const 9)))))");
  EXPECT_EQ(trap(owner, "load"), TrapKind::kOutOfBoundsMemoryAccess);
  EXPECT_EQ(value(user, "grow"), 1u);
  EXPECT_EQ(value(user, "add"), 0u);
  EXPECT_EQ(value(owner, "load"), 9u);
}

}  // namespace
}  // namespace lunabeam::vm
