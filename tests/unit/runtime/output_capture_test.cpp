// Output kept in memory.
#include "runtime/output_capture.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace lunabeam::runtime {
namespace {

void append(OutputCapture& capture, u64 pid, std::string_view text) {
  const iovec piece{const_cast<char*>(text.data()), text.size()};
  capture.append(pid, {&piece, 1}, text.size());
}

TEST(OutputCapture, EveryProcessHasAStream) {
  OutputCapture capture(false);
  append(capture, 7, "a");
  append(capture, 1, "b");
  append(capture, 7, "c");
  append(capture, 9, "");
  const auto streams = capture.streams();
  ASSERT_EQ(streams.size(), 2u);
  EXPECT_EQ(streams[0].pid, 1u);
  EXPECT_EQ(streams[0].text, "b");
  EXPECT_EQ(streams[1].pid, 7u);
  EXPECT_EQ(streams[1].text, "ac");
  EXPECT_EQ(capture.lost_bytes(), 0u);
}

TEST(OutputCapture, TakesAsMuchOfThePiecesAsWasMoved) {
  OutputCapture capture(true);
  char first[] = "abc";
  char second[] = "def";
  const iovec pieces[] = {{first, 3}, {second, 3}};
  capture.append(1, pieces, 4);
  EXPECT_EQ(capture.streams()[0].text, "abcd");
  EXPECT_EQ(capture.lost_bytes(), 0u);
}

TEST(OutputCapture, KeepsABoundedAmount) {
  OutputCapture capture(false);
  const std::string block(OutputCapture::kMaxBytes / 2 + 1, 'x');
  append(capture, 1, block);
  append(capture, 2, block);
  append(capture, 2, "more");
  const auto streams = capture.streams();
  EXPECT_EQ(streams[0].text.size() + streams[1].text.size(), OutputCapture::kMaxBytes);
  EXPECT_EQ(capture.lost_bytes(), 6u);
}

TEST(OutputCapture, KeepsABoundedNumberOfStreams) {
  OutputCapture capture(false);
  for (u64 pid = 1; pid <= OutputCapture::kMaxStreams + 1; ++pid) append(capture, pid, "x");
  append(capture, 1, "y");
  EXPECT_EQ(capture.streams().size(), OutputCapture::kMaxStreams);
  EXPECT_EQ(capture.streams()[0].text, "xy");
  EXPECT_EQ(capture.lost_bytes(), 1u);
}

}  // namespace
}  // namespace lunabeam::runtime
