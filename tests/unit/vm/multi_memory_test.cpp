// Several memories in a module, memories of several instances, and memories with pages of one byte.
#include <cstring>

#include "tests/unit/vm/text_store.h"
#include "vm/limits.h"

namespace lunabeam::vm {
namespace {

class MultiMemory : public TextStoreTest {};
TEXT_STORE_DISPATCHES(MultiMemory);

constexpr auto kOutOfBounds = TrapKind::kOutOfBoundsMemoryAccess;

TEST_P(MultiMemory, SegmentsGoWhereTheySay) {
  for (const bool shared : {false, true}) {
    StoreOptions options;
    options.shared = shared;
    open(options);
    Ctx* const ctx = make(R"((module (memory 1) (memory $b 2) (memory $c i64 1)
      (data (i32.const 3) "zero") (data (memory $b) (i32.const 65536) "one") (data (memory $c) (i64.const 65530) "second")
      (data (memory $b) (i32.const 65537) "N")
      (data $p "passive")
      (func (export "init") (memory.init $b $p (i32.const 7) (i32.const 1) (i32.const 4)))))");
    const auto at = [ctx](u32 memory, u64 offset, u64 size) {
      return std::string(reinterpret_cast<const char*>(ctx->memories[memory]->base + offset), size);
    };
    EXPECT_EQ(at(0, 3, 4), "zero");
    EXPECT_EQ(at(1, 65536, 3), "oNe");
    EXPECT_EQ(at(1, 3, 1), std::string(1, '\0'));
    EXPECT_EQ(at(2, 65530, 6), "second");
    values(ctx, "init");
    EXPECT_EQ(at(1, 7, 5), std::string("assi\0", 5));
    EXPECT_EQ(at(0, 7, 1), std::string(1, '\0'));
  }
  open({});
  EXPECT_EQ(make_error("(module (memory 1) (memory 1) (data (memory 1) (i32.const 65535) \"ab\"))"),
            ErrorCode::kInitTrapped);
}

TEST_P(MultiMemory, AccessesAndSizesAreThoseOfTheirMemory) {
  Ctx* const ctx = make(R"((module (memory 1) (memory $b 0 3)
    (func (export "store") (param i32 i64) (i64.store $b offset=8 (local.get 0) (local.get 1)))
    (func (export "load") (param i32) (result i64) (i64.load $b offset=8 (local.get 0)))
    (func (export "load0") (param i32) (result i64) (i64.load offset=8 (local.get 0)))
    (func (export "grow") (param i32) (result i32) (memory.grow $b (local.get 0)))
    (func (export "sizes") (result i32 i32) (memory.size 0) (memory.size $b))
    (func (export "both") (param i32 i32) (result i32)
      (memory.copy 0 $b (local.get 0) (local.get 1) (i32.const 8)) (memory.size $b))))");
  EXPECT_EQ(trap(ctx, "load", {0}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "store", {0, 1}), kOutOfBounds);
  EXPECT_EQ(value(ctx, "grow", {4}), 0xFFFF'FFFFu);
  EXPECT_EQ(value(ctx, "grow", {2}), 0u);
  EXPECT_EQ(values(ctx, "sizes"), (std::vector<u64>{1, 2}));
  values(ctx, "store", {131072 - 16, 77});
  EXPECT_EQ(value(ctx, "load", {131072 - 16}), 77u);
  EXPECT_EQ(trap(ctx, "store", {131072 - 15, 1}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "load0", {65536}), kOutOfBounds);
  EXPECT_EQ(value(ctx, "both", {8, 131072 - 8}), 2u);
  EXPECT_EQ(value(ctx, "load0", {0}), 77u);
  EXPECT_EQ(trap(ctx, "both", {65529, 0}), kOutOfBounds);
}

// The importer's memory 0 and memory 1 are the exporter's 1 and 0, and each grows them under the other's feet.
TEST_P(MultiMemory, GrowthThroughAnotherInstance) {
  for (const bool yields : {false, true}) {
    StoreOptions options;
    options.yield_at_every_tick = yields;
    options.chunk_reductions = yields ? 1 : 0;
    open(options);
    Ctx* const owner = make(R"((module (memory (export "a") 1) (memory (export "b") 1)
      (func (export "grow a") (result i32) (memory.grow 0 (i32.const 1)))
      (func (export "poke a") (param i32 i32) (i32.store8 0 (local.get 0) (local.get 1)))
      (func (export "grow both") (result i32) (drop (memory.grow 1 (i32.const 2))) (memory.grow 0 (i32.const 1)))))",
                            "m");
    Ctx* const user = make(R"((module
      (import "m" "b" (memory 1)) (import "m" "a" (memory 1))
      (import "m" "grow both" (func $grow (result i32))) (import "m" "poke a" (func $poke (param i32 i32)))
      (memory 1)
      (func (export "run") (result i32)
        (i32.store8 0 (i32.const 10) (i32.const 5)) (i32.store8 1 (i32.const 10) (i32.const 6))
        (drop (call $grow))
        (i32.store8 0 (i32.const 0x2ffff) (i32.const 7)) (i32.store8 1 (i32.const 0x1ffff) (i32.const 8))
        (call $poke (i32.const 0x1fffe) (i32.const 9))
        (i32.load8_u 0 (i32.const 10)) (i32.mul (i32.const 10))
        (i32.add (i32.load8_u 1 (i32.const 10))) (i32.mul (i32.const 10))
        (i32.add (i32.load8_u 0 (i32.const 0x2ffff))) (i32.mul (i32.const 10))
        (i32.add (i32.load8_u 1 (i32.const 0x1ffff))) (i32.mul (i32.const 10))
        (i32.add (i32.load8_u 1 (i32.const 0x1fffe))))
      (func (export "sizes") (result i32 i32 i32) (memory.size 0) (memory.size 1) (memory.size 2))
      (func (export "grow own") (result i32) (memory.grow 2 (i32.const 1)))))");
    EXPECT_EQ(value(user, "run"), 56789u);
    EXPECT_EQ(values(user, "sizes"), (std::vector<u64>{3, 2, 1}));
    EXPECT_EQ(value(owner, "grow a"), 2u);
    EXPECT_EQ(value(user, "grow own"), 1u);
    EXPECT_EQ(values(user, "sizes"), (std::vector<u64>{3, 3, 2}));
    EXPECT_EQ(user->memories[0], owner->memories[1]);
    // Both may ask for what the memories have become.
    EXPECT_NE(make("(module (import \"m\" \"a\" (memory 3)) (import \"m\" \"b\" (memory 3)))"), nullptr);
    EXPECT_EQ(make_error("(module (import \"m\" \"a\" (memory 4)))"), ErrorCode::kIncompatibleImportType);
  }
}

TEST_P(MultiMemory, AModuleHasAHundredAtMost) {
  std::string source = "(module";
  for (u32 i = 0; i < kMaxMemories; ++i) source += " (memory 1)";
  EXPECT_TRUE(load_text(source + ")"));
  EXPECT_EQ(load_error(source + " (memory 0))"), ErrorCode::kImplementationLimit);
  EXPECT_EQ(load_error("(module (memory 1) (func (drop (i32.load 1 (i32.const 0)))))"), ErrorCode::kUnknownMemory);
  EXPECT_EQ(load_error("(module (memory 1) (data (memory 1) (i32.const 0) \"\"))"), ErrorCode::kUnknownMemory);
}

// --- Custom page sizes -----------------------------------------------------------------------------------------------

TEST_P(MultiMemory, PagesOfOneByte) {
  Ctx* const ctx = make(R"((module (memory 13 20 (pagesize 1)) (memory i64 0 (pagesize 1)) (data (i32.const 9) "last")
    (func (export "size") (result i32) (memory.size))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "byte") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "word") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
    (func (export "grow long") (param i64) (result i64) (memory.grow 1 (local.get 0)))
    (func (export "long") (param i64) (result i32) (i32.load16_u 1 (local.get 0)))
    (func (export "fill long") (param i64 i64) (memory.fill 1 (local.get 0) (i32.const 1) (local.get 1)))))");
  EXPECT_EQ(value(ctx, "size"), 13u);
  EXPECT_EQ(store_->used_bytes(), 13u);
  EXPECT_EQ(value(ctx, "byte", {12}), u64{'t'});
  EXPECT_EQ(trap(ctx, "byte", {13}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "word", {10}), kOutOfBounds);
  EXPECT_EQ(trap(ctx, "store", {10, ~u64{0} >> 32}), kOutOfBounds);
  for (u64 size = 13; size < 20; ++size) {
    EXPECT_EQ(value(ctx, "grow", {1}), size);
    EXPECT_EQ(value(ctx, "byte", {static_cast<u32>(size)}), 0u);
    EXPECT_EQ(trap(ctx, "byte", {static_cast<u32>(size) + 1}), kOutOfBounds);
  }
  EXPECT_EQ(value(ctx, "grow", {1}), 0xFFFF'FFFFu);
  EXPECT_EQ(value(ctx, "word", {9}), 0x7473'616Cu);
  for (const u64 delta : {~u64{0}, u64{1} << 63, u64{1} << 47}) EXPECT_EQ(value(ctx, "grow long", {delta}), ~u64{0});
  EXPECT_EQ(trap(ctx, "long", {0}), kOutOfBounds);
  EXPECT_EQ(value(ctx, "grow long", {3}), 0u);
  EXPECT_EQ(trap(ctx, "long", {2}), kOutOfBounds);
  values(ctx, "fill long", {1, 2});
  EXPECT_EQ(value(ctx, "long", {0}), 0x100u);
  EXPECT_EQ(trap(ctx, "fill long", {1, 3}), kOutOfBounds);
}

TEST_P(MultiMemory, PageSizesThatThereAre) {
  EXPECT_TRUE(load_text("(module (memory 0xffff_ffff (pagesize 1)) (memory 65536 (pagesize 65536)))"));
  EXPECT_EQ(load_error("(module (memory 0x1_0000_0000 (pagesize 1)))"), ErrorCode::kMemorySizeLimit);
  EXPECT_EQ(load_error("(module (memory 1 65537 (pagesize 65536)))"), ErrorCode::kMemorySizeLimit);
  EXPECT_TRUE(load_text("(module (memory i64 0xffff_ffff_ffff_ffff (pagesize 1)))"));
  for (const char* size : {"2", "4096", "32768", "0x2_0000"}) {
    EXPECT_EQ(load_error("(module (memory 0 (pagesize " + std::string(size) + ")))"), ErrorCode::kInvalidPageSize);
  }
  make("(module (memory (export \"bytes\") 1 (pagesize 1)) (memory (export \"pages\") 1))", "m");
  EXPECT_EQ(make_error("(module (import \"m\" \"bytes\" (memory 1)))"), ErrorCode::kIncompatibleImportType);
  EXPECT_EQ(make_error("(module (import \"m\" \"pages\" (memory 1 (pagesize 1))))"),
            ErrorCode::kIncompatibleImportType);
  EXPECT_NE(make("(module (import \"m\" \"bytes\" (memory 1 (pagesize 1))))"), nullptr);
}

}  // namespace
}  // namespace lunabeam::vm
