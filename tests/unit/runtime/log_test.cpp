#include "runtime/log.h"

#include <gtest/gtest.h>

namespace lunabeam::runtime {
namespace {

TEST(Log, LevelOfAVariable) {
  EXPECT_EQ(parse_log_level("debug"), LogLevel::kDebug);
  EXPECT_EQ(parse_log_level("off"), LogLevel::kOff);
  EXPECT_EQ(parse_log_level("lunatic=trace"), LogLevel::kTrace);
  EXPECT_EQ(parse_log_level("error,lunatic=info"), LogLevel::kInfo);
  EXPECT_EQ(parse_log_level("hyper=trace"), LogLevel::kWarn);
  EXPECT_EQ(parse_log_level(""), LogLevel::kWarn);
}

}  // namespace
}  // namespace lunabeam::runtime
