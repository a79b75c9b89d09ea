// Memories and tables with 64-bit addresses.
#include <cstring>

#include "tests/unit/vm/text_store.h"

namespace lunabeam::vm {
namespace {

class Memory64 : public TextStoreTest {};
TEXT_STORE_DISPATCHES(Memory64);

constexpr u64 kMinusOne = ~u64{0};
constexpr u64 kTop = u64{1} << 63;
constexpr auto kOutOfBounds = TrapKind::kOutOfBoundsMemoryAccess;

TEST_P(Memory64, AddressesCountInFullAndDoNotWrap) {
  Ctx* const ctx = make(R"((module (memory i64 1)
    (func (export "set") (param i64 i64) (i64.store (local.get 0) (local.get 1)))
    (func (export "get") (param i64) (result i64) (i64.load (local.get 0)))
    (func (export "byte") (param i64) (result i32) (i32.load8_u offset=8 (local.get 0)))
    (func (export "sum") (param i64 i64) (result i32) (i32.load8_u (i64.add (local.get 0) (local.get 1))))
    (func (export "far") (param i64) (result i32) (i32.load8_u offset=0xffff_ffff_ffff_ffff (local.get 0)))
    (func (export "far store") (param i64) (i32.store8 offset=0xffff_ffff_ffff_fffe (local.get 0) (i32.const 1)))
    (func (export "constant") (result i32) (i32.load8_u offset=0xffff (i64.const -1)))
    (func (export "constant far") (result i32) (i32.load8_u offset=0xffff_ffff_ffff_ffff (i64.const 2)))
    (func (export "store constant") (param i64) (i64.store offset=16 (local.get 0) (i64.const -2)))
    (func (export "store sum") (param i64 i64) (i64.store (i64.add (local.get 0) (local.get 1)) (local.get 1)))
    (func (export "store value") (param i64 i64) (i64.store (local.get 0) (i64.add (local.get 0) (local.get 1))))
    (func (export "store float") (param i64 f64)
      (f64.store (i64.add (local.get 0) (i64.const 8)) (f64.add (local.get 1) (f64.const 0)))))
    )");
  invoke(ctx, "set", {65528, 0x8877'6655'4433'2211});
  EXPECT_EQ(value(ctx, "get", {65528}), 0x8877'6655'4433'2211);
  EXPECT_EQ(value(ctx, "byte", {65527}), 0x88u);
  EXPECT_EQ(value(ctx, "sum", {65530, kMinusOne}), 0x22u);  // The sum itself wraps, as i64.add does.
  for (const u64 address : {u64{65529}, u64{65536}, u64{1} << 32, (u64{1} << 32) + 8, kTop, kMinusOne - 7, kMinusOne}) {
    EXPECT_EQ(trap(ctx, "get", {address}), kOutOfBounds) << address;
    EXPECT_EQ(trap(ctx, "set", {address, 1}), kOutOfBounds) << address;
    EXPECT_EQ(trap(ctx, "byte", {address}), kOutOfBounds) << address;
    if (address >= 65536) EXPECT_EQ(trap(ctx, "sum", {address - 1, 1}), kOutOfBounds) << address;
    EXPECT_EQ(trap(ctx, "store constant", {address}), kOutOfBounds) << address;
    EXPECT_EQ(trap(ctx, "store value", {address, 1}), kOutOfBounds) << address;
    EXPECT_EQ(trap(ctx, "store float", {address - 8, 0}), kOutOfBounds) << address;
  }
  for (const u64 address : {u64{0}, u64{1}, u64{2}, u64{65536}, kMinusOne}) {
    EXPECT_EQ(trap(ctx, "far", {address}), kOutOfBounds);
    EXPECT_EQ(trap(ctx, "far store", {address}), kOutOfBounds);
  }
  EXPECT_EQ(trap(ctx, "constant"), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "constant far"), kOutOfBounds);
  EXPECT_EQ(value(ctx, "get", {65528}), 0x8877'6655'4433'2211);  // Nothing was written.
  invoke(ctx, "store constant", {0});
  EXPECT_EQ(value(ctx, "get", {16}), kMinusOne - 1);
  invoke(ctx, "store sum", {24, 8});
  EXPECT_EQ(value(ctx, "get", {32}), 8u);
  invoke(ctx, "store value", {40, 2});
  EXPECT_EQ(value(ctx, "get", {40}), 42u);
  invoke(ctx, "store float", {48, 0x3FF8'0000'0000'0000});
  EXPECT_EQ(value(ctx, "get", {56}), 0x3FF8'0000'0000'0000u);
}

TEST_P(Memory64, Addresses32DoNotWrapEither) {
  Ctx* const ctx = make(R"((module (memory 1)
    (func (export "near") (param i32) (result i32) (i32.load8_u offset=1 (local.get 0)))
    (func (export "far") (param i32) (result i32) (i32.load8_u offset=0xffff_ffff (local.get 0)))))");
  EXPECT_EQ(trap(ctx, "near", {0xFFFF'FFFF}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "far", {1}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "far", {0xFFFF'FFFF}), kOutOfBounds);
  EXPECT_EQ(value(ctx, "near", {65534}), 0u);
}

TEST_P(Memory64, GrowsAndFailsInI64) {
  StoreOptions options;
  options.memory_limit_bytes = 8 * kWasmPageBytes;
  open(options);
  Ctx* const ctx = make(R"((module (memory i64 1) (memory i64 1 3)
    (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0)))
    (func (export "grow limited") (param i64) (result i64) (memory.grow 1 (local.get 0)))
    (func (export "size") (result i64) (memory.size))))");
  for (const u64 delta :
       {u64{8}, u64{0xFFFF}, u64{1} << 32, u64{1} << 46, (u64{1} << 48) - 1, u64{1} << 48, kTop, kMinusOne}) {
    EXPECT_EQ(value(ctx, "grow", {delta}), kMinusOne) << delta;
    EXPECT_EQ(value(ctx, "grow limited", {delta}), kMinusOne) << delta;
  }
  EXPECT_EQ(value(ctx, "grow", {0}), 1u);
  EXPECT_EQ(value(ctx, "grow", {2}), 1u);
  EXPECT_EQ(value(ctx, "size"), 3u);
  EXPECT_EQ(value(ctx, "grow limited", {2}), 1u);
  EXPECT_EQ(value(ctx, "grow limited", {1}), kMinusOne);
  EXPECT_EQ(store_->used_bytes(), 6 * kWasmPageBytes);
}

TEST_P(Memory64, DeclaredSizesAreRefusedNotReserved) {
  EXPECT_TRUE(load_text("(module (memory i64 0x1_0000_0000_0000) (memory i64 0 0x1_0000_0000_0000))"));
  EXPECT_EQ(load_error("(module (memory i64 0x1_0000_0000_0001))"), ErrorCode::kMemorySizeLimit);
  EXPECT_EQ(load_error("(module (memory i64 0 0x1_0000_0000_0001))"), ErrorCode::kMemorySizeLimit);
  EXPECT_EQ(load_error("(module (memory 65537))"), ErrorCode::kMemorySizeLimit);
  for (const bool shared : {false, true}) {
    StoreOptions options;
    options.shared = shared;
    for (const char* source :
         {"(module (memory i64 0x1_0000_0000_0000))", "(module (memory i64 0x8000_0000_0000))",
          "(module (memory i64 0x1_0000_0000) (data (i64.const 0x7fff_ffff_ffff_ffff) \"x\"))",
          "(module (memory 1) (memory i64 0xffff_ffff))", "(module (table i64 0xffff_ffff_ffff_ffff funcref))"}) {
      open(options);
      EXPECT_EQ(make_error(source), ErrorCode::kResourceLimit) << source;
      EXPECT_EQ(store_->used_bytes(), 0u);
    }
    open(options);
    EXPECT_NE(make("(module (memory i64 0 0x1_0000_0000_0000) (table i64 0 0xffff_ffff_ffff_ffff funcref))"), nullptr);
    open(options);
    EXPECT_EQ(make_error("(module (memory i64 1) (data (i64.const 0x1_0000_0000) \"x\"))"), ErrorCode::kInitTrapped);
    open(options);
    EXPECT_EQ(make_error("(module (memory i64 1) (data (i64.const -1) \"xy\"))"), ErrorCode::kInitTrapped);
  }
}

constexpr const char* kCopies = R"((module (memory $n (export "n") 4) (memory $w (export "w") i64 5)
    (data $d "0123456789")
    (func (export "w from n") (param i64 i32 i32) (memory.copy $w $n (local.get 0) (local.get 1) (local.get 2)))
    (func (export "n from w") (param i32 i64 i32) (memory.copy $n $w (local.get 0) (local.get 1) (local.get 2)))
    (func (export "w from w") (param i64 i64 i64) (memory.copy $w $w (local.get 0) (local.get 1) (local.get 2)))
    (func (export "fill w") (param i64 i32 i64) (memory.fill $w (local.get 0) (local.get 1) (local.get 2)))
    (func (export "init w") (param i64 i32 i32) (memory.init $w $d (local.get 0) (local.get 1) (local.get 2)))))";

TEST_P(Memory64, CopiesBetweenAddressTypes) {
  Ctx* const ctx = make(kCopies);
  const MemoryInst& n = *ctx->memories[0];
  const MemoryInst& w = *ctx->memories[1];
  for (u64 i = 0; i < n.size_bytes; ++i) n.base[i] = static_cast<u8>(i * 7 + i / 251);
  invoke(ctx, "w from n", {70000, 3, 150000});
  EXPECT_EQ(std::memcmp(w.base + 70000, n.base + 3, 150000), 0);
  invoke(ctx, "n from w", {0, 69999, 4});
  EXPECT_EQ(n.base[0], 0);
  EXPECT_EQ(std::memcmp(n.base + 1, w.base + 70000, 3), 0);
  const u64 n_end = n.size_bytes;
  const u64 w_end = w.size_bytes;
  values(ctx, "w from n", {w_end, n_end, 0});
  EXPECT_EQ(trap(ctx, "w from n", {w_end + 1, 0, 0}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "w from n", {u64{1} << 32, 0, 1}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "w from n", {kMinusOne, 0, 2}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "w from n", {0, n_end, 1}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "w from n", {0, 1, 0xFFFF'FFFF}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "n from w", {0, kMinusOne - 1, 2}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "w from w", {kMinusOne, 0, kMinusOne}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "w from w", {0, 1, kMinusOne}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "fill w", {1, 0, kMinusOne}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "fill w", {u64{1} << 32, 0, 1}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "init w", {u64{1} << 32, 0, 1}), kOutOfBounds);
  values(ctx, "fill w", {w_end, 0, 0});
  invoke(ctx, "init w", {w_end - 4, 6, 4});
  EXPECT_EQ(std::memcmp(w.base + w_end - 4, "6789", 4), 0);
  invoke(ctx, "fill w", {w_end - 3, 0x1AB, 2});
  EXPECT_EQ(w.base[w_end - 4], '6');
  EXPECT_EQ(w.base[w_end - 3], 0xAB);
  EXPECT_EQ(w.base[w_end - 1], '9');
}

// In steps of 64 KiB with the process left in between.
TEST_P(Memory64, OverlappingCopiesInSteps) {
  StoreOptions options;
  options.yield_at_every_tick = true;
  options.chunk_reductions = 3;
  open(options);
  Ctx* const ctx = make(kCopies);
  const MemoryInst& w = *ctx->memories[1];
  for (const auto& [to, from, size] : {std::tuple<u64, u64, u64>{1000, 0, 200000},
                                       {0, 1000, 200000},
                                       {70001, 3, 250000},
                                       {3, 70001, 250000},
                                       {5, 5, 300000}}) {
    for (u64 i = 0; i < w.size_bytes; ++i) w.base[i] = static_cast<u8>(i * 13 + i / 255);
    std::vector<u8> expected(w.base, w.base + w.size_bytes);
    std::memmove(expected.data() + to, expected.data() + from, size);
    const u64 ticks = store_->ticks();
    values(ctx, "w from w", {to, from, size});
    EXPECT_GE(store_->ticks(), ticks + 4);
    EXPECT_EQ(std::memcmp(w.base, expected.data(), expected.size()), 0) << to << " " << from;
  }
}

TEST_P(Memory64, TypesOfOperandsFollowTheMemory) {
  for (const char* body :
       {"(drop (i32.load $w (i32.const 0)))", "(drop (i32.load $n (i64.const 0)))",
        "(memory.fill $w (i64.const 0) (i32.const 0) (i32.const 0))",
        "(memory.copy $w $n (i64.const 0) (i32.const 0) (i64.const 0))",
        "(memory.copy $n $w (i32.const 0) (i64.const 0) (i64.const 0))",
        "(memory.copy $w $w (i64.const 0) (i64.const 0) (i32.const 0))", "(drop (memory.grow $w (i32.const 0)))",
        "(drop (i32.eqz (memory.size $w)))", "(drop (table.get $t (i32.const 0)))", "(drop (i32.eqz (table.size $t)))",
        "(drop (table.grow $t (ref.null func) (i32.const 0)))", "(call_indirect $t (i32.const 0))",
        "(table.copy $t $t (i64.const 0) (i64.const 0) (i32.const 0))",
        "(table.fill $t (i64.const 0) (ref.null func) (i32.const 0))"}) {
    const std::string source =
        "(module (memory $n 1) (memory $w i64 1) (table $t i64 1 funcref) (func " + std::string(body) + "))";
    EXPECT_EQ(load_error(source), ErrorCode::kTypeMismatch) << body;
  }
  EXPECT_EQ(load_error("(module (memory i64 1) (data (i32.const 0) \"\"))"), ErrorCode::kTypeMismatch);
  EXPECT_EQ(load_error("(module (table i64 1 funcref) (elem (i32.const 0)))"), ErrorCode::kTypeMismatch);
  // The offset's range is that of the memory addressed, not that of memory 0.
  EXPECT_TRUE(
      load_text("(module (memory 1) (memory i64 1) (func (drop (i32.load 1 offset=0x1_0000_0000 (i64.const 0)))))"));
  EXPECT_EQ(
      load_error("(module (memory i64 1) (memory 1) (func (drop (i32.load 1 offset=0x1_0000_0000 (i32.const 0)))))"),
      ErrorCode::kOffsetOutOfRange);
}

TEST_P(Memory64, Tables) {
  Ctx* const ctx = make(R"((module (table $t i64 2 5 funcref) (table $u i64 4 funcref) (table $n 4 funcref)
    (type $f (func (result i32))) (elem declare func $seven) (elem $e func $seven $seven)
    (elem (table $u) (i64.const 1) func $seven)
    (func $seven (result i32) (i32.const 7))
    (func (export "size") (result i64) (table.size $t))
    (func (export "grow") (param i64) (result i64) (table.grow $t (ref.func $seven) (local.get 0)))
    (func (export "grow u") (param i64) (result i64) (table.grow $u (ref.null func) (local.get 0)))
    (func (export "null") (param i64) (result i32) (ref.is_null (table.get $t (local.get 0))))
    (func (export "set") (param i64) (table.set $t (local.get 0) (ref.func $seven)))
    (func (export "fill") (param i64 i64) (table.fill $t (local.get 0) (ref.null func) (local.get 1)))
    (func (export "init") (param i64 i32 i32) (table.init $t $e (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy") (param i64 i64 i64) (table.copy $t $u (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy n") (param i32 i64 i32) (table.copy $n $t (local.get 0) (local.get 1) (local.get 2)))
    (func (export "tail") (param i64) (result i32) (return_call_indirect $u (type $f) (local.get 0)))
    (func (export "call") (param i64) (result i32) (call_indirect $u (type $f) (local.get 0)))))");
  constexpr auto kTableBounds = TrapKind::kOutOfBoundsTableAccess;
  EXPECT_EQ(value(ctx, "size"), 2u);
  for (const u64 delta : {u64{4}, u64{1} << 32, kTop, kMinusOne}) EXPECT_EQ(value(ctx, "grow", {delta}), kMinusOne);
  for (const u64 delta : {u64{1} << 32, u64{1} << 61, kTop, kMinusOne, kMinusOne - 4}) {
    EXPECT_EQ(value(ctx, "grow u", {delta}), kMinusOne);
  }
  EXPECT_EQ(value(ctx, "grow", {3}), 2u);
  EXPECT_EQ(value(ctx, "null", {1}), 1u);
  EXPECT_EQ(value(ctx, "null", {4}), 0u);
  for (const u64 index : {u64{5}, u64{1} << 32, (u64{1} << 32) + 1, kTop, kMinusOne}) {
    EXPECT_EQ(trap(ctx, "null", {index}), kTableBounds);
    EXPECT_EQ(trap(ctx, "set", {index}), kTableBounds);
    EXPECT_EQ(trap(ctx, "fill", {index, 1}), kTableBounds);
    EXPECT_EQ(trap(ctx, "init", {index, 0, 1}), kTableBounds);
    EXPECT_EQ(trap(ctx, "copy", {index, 0, 1}), kTableBounds);
    EXPECT_EQ(trap(ctx, "copy n", {0, index, 1}), kTableBounds);
    EXPECT_EQ(trap(ctx, "call", {index}), TrapKind::kUndefinedElement);
    EXPECT_EQ(trap(ctx, "tail", {index}), TrapKind::kUndefinedElement);
  }
  EXPECT_EQ(trap(ctx, "fill", {1, kMinusOne}), kTableBounds);
  EXPECT_EQ(trap(ctx, "copy", {1, kMinusOne, 2}), kTableBounds);
  EXPECT_EQ(value(ctx, "call", {1}), 7u);
  EXPECT_EQ(value(ctx, "tail", {1}), 7u);
  EXPECT_EQ(trap(ctx, "call", {0}), TrapKind::kUninitializedElement);
  values(ctx, "fill", {0, 5});
  EXPECT_EQ(value(ctx, "null", {4}), 1u);
  values(ctx, "copy", {4, 1, 1});
  EXPECT_EQ(value(ctx, "null", {4}), 0u);
  values(ctx, "copy n", {3, 4, 1});
  values(ctx, "init", {0, 1, 1});
  EXPECT_EQ(value(ctx, "null", {0}), 0u);
}

TEST_P(Memory64, ImportsMatchTheAddressType) {
  make(R"((module (memory (export "n") 1 2) (memory (export "w") i64 1 2) (table (export "t") 1 2 funcref)
    (table (export "u") i64 1 2 funcref)))",
       "m");
  EXPECT_NE(make(R"((module (import "m" "w" (memory i64 1 2)) (import "m" "u" (table i64 1 2 funcref))))"), nullptr);
  for (const char* wanted : {R"("w" (memory 1 2))", R"("n" (memory i64 1 2))", R"("u" (table 1 2 funcref))",
                             R"("t" (table i64 1 2 funcref))", R"("w" (memory i64 2))", R"("w" (memory i64 1 1))"}) {
    EXPECT_EQ(make_error("(module (import \"m\" " + std::string(wanted) + "))"), ErrorCode::kIncompatibleImportType);
  }
}

}  // namespace
}  // namespace lunabeam::vm
