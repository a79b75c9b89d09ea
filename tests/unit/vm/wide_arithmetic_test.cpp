// i64.add128, sub128, mul_wide_s and mul_wide_u against the compiler's numbers of 128 bits.
#include <random>
#include <string>

#include "tests/unit/vm/text_store.h"

namespace lunabeam::vm {
namespace {

__extension__ using Signed128 = __int128;
__extension__ using Unsigned128 = unsigned __int128;

class WideArithmetic : public TextStoreTest {};
TEXT_STORE_DISPATCHES(WideArithmetic);

Unsigned128 wide(u64 low, u64 high) { return static_cast<Unsigned128>(high) << 64 | low; }
std::vector<u64> halves(Unsigned128 value) { return {static_cast<u64>(value), static_cast<u64>(value >> 64)}; }

// Operands in locals, in temporaries, in the accumulator, constant; results used in several ways.
constexpr const char* kModule = R"((module
  (func (export "add") (param i64 i64 i64 i64) (result i64 i64)
    (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
  (func (export "sub") (param i64 i64 i64 i64) (result i64 i64)
    (i64.sub128 (local.get 0) (local.get 1) (local.get 2) (i64.xor (local.get 3) (i64.const 0))))
  (func (export "mul_s") (param i64 i64) (result i64 i64) (i64.mul_wide_s (local.get 0) (local.get 1)))
  (func (export "mul_u") (param i64 i64) (result i64 i64)
    (i64.mul_wide_u (i64.add (local.get 0) (i64.const 0)) (i64.rotl (local.get 1) (i64.const 64))))
  (func (export "add in place") (param i64 i64 i64 i64) (result i64 i64)
    (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)) (local.set 1) (local.set 0)
    (local.get 0) (local.get 1))
  (func (export "constants") (result i64 i64)
    (i64.add128 (i64.const -1) (i64.const 0x1234_5678_9abc_def0) (i64.const 1) (i64.const 1)))
  (func (export "in between") (param i64 i64) (result i64)
    (i64.const 1000) (i64.mul (local.get 0) (i64.const 3))
    (i64.mul_wide_u (local.get 0) (local.get 1)) (i64.add) (i64.add) (i64.add))
  (func (export "low") (param i64 i64) (result i64) (drop (i64.mul_wide_s (local.get 0) (local.get 1))))))";

TEST_P(WideArithmetic, IsThatOf128BitNumbers) {
  Ctx* const ctx = make(kModule);
  std::mt19937_64 random(42);
  const u64 corners[] = {0, 1, 2, ~u64{0}, ~u64{0} - 1, u64{1} << 63, (u64{1} << 63) - 1, u64{1} << 32, 0xFFFF'FFFF};
  const auto pick = [&] {
    return random() % 2 == 0 ? corners[random() % std::size(corners)] : random() >> random() % 64;
  };
  for (int i = 0; i < 2000; ++i) {
    const u64 a = pick(), b = pick(), c = pick(), d = pick();
    EXPECT_EQ(values(ctx, "add", {a, b, c, d}), halves(wide(a, b) + wide(c, d)));
    EXPECT_EQ(values(ctx, "add in place", {a, b, c, d}), halves(wide(a, b) + wide(c, d)));
    EXPECT_EQ(values(ctx, "sub", {a, b, c, d}), halves(wide(a, b) - wide(c, d)));
    const Unsigned128 product = static_cast<Unsigned128>(a) * b;
    EXPECT_EQ(values(ctx, "mul_u", {a, b}), halves(product));
    EXPECT_EQ(values(ctx, "mul_s", {a, b}),
              halves(static_cast<Unsigned128>(static_cast<Signed128>(static_cast<i64>(a)) * static_cast<i64>(b))));
    EXPECT_EQ(value(ctx, "low", {a, b}), a * b);
    EXPECT_EQ(value(ctx, "in between", {a, b}),
              1000 + 3 * a + static_cast<u64>(product) + static_cast<u64>(product >> 64));
  }
  EXPECT_EQ(values(ctx, "constants"), (std::vector<u64>{0, 0x1234'5678'9ABC'DEF2}));
}

// In a frame whose temporaries are out of reach of 16-bit operands.
TEST_P(WideArithmetic, WorksInWideFrames) {
  std::string source = "(module (func (export \"f\") (param i64 i64) (result i64 i64) (local ";
  for (int i = 0; i < 49'000; ++i) source += "i64 ";
  source += ") ";
  constexpr int kDeep = 20'000;
  for (int i = 0; i < kDeep; ++i) source += "i64.const 1 ";
  source +=
      "local.get 0 local.get 1 i64.const 3 i64.const 0 i64.add128 local.get 0 local.get 1 i64.mul_wide_u i64.sub128 ";
  source += "local.set 1 local.set 0 ";
  for (int i = 0; i < kDeep; ++i) source += "drop ";
  source += "local.get 0 local.get 1))";
  StoreOptions options;
  options.stack_cap_bytes = u64{8} << 20;
  open(options);
  Ctx* const ctx = make(source);
  const u64 a = 0xFFFF'FFFF'FFFF'FFFE;
  const u64 b = 0x1234'5678'9ABC'DEF0;
  EXPECT_EQ(values(ctx, "f", {a, b}), halves(wide(a, b) + 3 - static_cast<Unsigned128>(a) * b));
}

TEST_P(WideArithmetic, Types) {
  EXPECT_EQ(load_error("(module (func (i64.const 0) (i64.const 0) (i64.const 0) (i64.add128) (drop) (drop)))"),
            ErrorCode::kTypeMismatch);
  EXPECT_EQ(load_error("(module (func (drop (i64.mul_wide_s (i64.const 0) (i64.const 0)))))"),
            ErrorCode::kTypeMismatch);
  EXPECT_EQ(load_error("(module (func (i64.mul_wide_u (i64.const 0) (i32.const 0)) (drop) (drop)))"),
            ErrorCode::kTypeMismatch);
}

}  // namespace
}  // namespace lunabeam::vm
