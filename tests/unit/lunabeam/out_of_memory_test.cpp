// The program's operators new, which these tests are linked with as well.
#include "tools/lunabeam/out_of_memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <new>

#include "tools/lunabeam/commands.h"

namespace lunabeam::tools {
namespace {

TEST(OutOfMemory, SaysHowMuchWasWanted) {
  EXPECT_EXIT(end_out_of_memory(123), testing::ExitedWithCode(kExitError),
              "^lunabeam: out of memory \\(123 bytes wanted\\)\n$");
}

#if !defined(LUNABEAM_OPERATORS_OF_SANITIZER)
// No address space holds as much.
constexpr size_t kTooMuch = size_t{1} << 60;

TEST(OutOfMemory, OperatorsThatDoNotFailEndTheProgram) {
  const char* const text = "out of memory \\(1152921504606846976 bytes wanted\\)";
  EXPECT_EXIT((void)::operator new(kTooMuch), testing::ExitedWithCode(kExitError), text);
  EXPECT_EXIT((void)::operator new[](kTooMuch), testing::ExitedWithCode(kExitError), text);
  EXPECT_EXIT((void)::operator new(kTooMuch, std::align_val_t{64}), testing::ExitedWithCode(kExitError), text);
  EXPECT_EXIT((void)::operator new[](kTooMuch, std::align_val_t{64}), testing::ExitedWithCode(kExitError), text);
}

TEST(OutOfMemory, OperatorsThatMayFailDo) {
  EXPECT_EQ(::operator new(kTooMuch, std::nothrow), nullptr);
  EXPECT_EQ(::operator new[](kTooMuch, std::nothrow), nullptr);
  EXPECT_EQ(::operator new(kTooMuch, std::align_val_t{64}, std::nothrow), nullptr);
  EXPECT_EQ(::operator new[](kTooMuch, std::align_val_t{64}, std::nothrow), nullptr);
  void* const block = ::operator new(1000, std::align_val_t{4096}, std::nothrow);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 4096, 0u);
  ::operator delete(block, std::align_val_t{4096});
}
#endif

}  // namespace
}  // namespace lunabeam::tools
