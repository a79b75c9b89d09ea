// Panic reports in output.
#include "tools/lunabeam/panic_text.h"

#include <gmock/gmock.h>

#include <string>

namespace lunabeam::tools {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(PanicText, NothingIsFoundWhereNothingIs) {
  EXPECT_THAT(panic_messages(""), IsEmpty());
  EXPECT_THAT(panic_messages("thread 'main' is here\n"), IsEmpty());
  EXPECT_THAT(panic_messages("nobody panicked at all\n"), IsEmpty());
  EXPECT_THAT(panic_messages("thread 'main' panicked at"), IsEmpty());
  EXPECT_THAT(panic_messages("thread 'main' panicked at nowhere\nx\n"), IsEmpty());
  EXPECT_THAT(panic_messages("thread main panicked at a.rs:1:2:\nx\n"), IsEmpty());
  EXPECT_THAT(panic_messages("thread 'main' (x) panicked at a.rs:1:2:\nx\n"), IsEmpty());
}

TEST(PanicText, OldForm) {
  EXPECT_THAT(panic_messages("thread 'main' panicked at 'it broke', src/main.rs:82:26\nnote: run with x\n"),
              ElementsAre("it broke"));
  EXPECT_THAT(panic_messages("thread '<unnamed>' panicked at '', a.rs:1:2"), ElementsAre(""));
  EXPECT_THAT(panic_messages("out: thread 'main' panicked at 'a', b: 'c', d.rs:1:2\n"), ElementsAre("a', b: 'c"));
}

TEST(PanicText, OldFormOverSeveralLines) {
  EXPECT_THAT(panic_messages("thread 'main' panicked at 'assertion failed: `(left == right)`\n  left: `1`,\n right: "
                             "`2`', tests/a.rs:3:5\nmore\n"),
              ElementsAre("assertion failed: `(left == right)`\n  left: `1`,\n right: `2`"));
}

TEST(PanicText, AnOldReportWithoutItsEndIsNone) {
  EXPECT_THAT(panic_messages("thread 'a' panicked at 'lost\nthread 'b' panicked at 'kept', b.rs:1:1\n"),
              ElementsAre("kept"));
}

TEST(PanicText, NewForm) {
  EXPECT_THAT(panic_messages("\nthread 'main' panicked at src/main.rs:82:26:\nit broke\nnote: run with "
                             "`RUST_BACKTRACE=1` environment variable to display a backtrace\n"),
              ElementsAre("it broke"));
  EXPECT_THAT(panic_messages("\nthread '<unnamed>' (1) panicked at a b/x.rs:1:2:\none\n\ntwo\n"),
              ElementsAre("one\n\ntwo"));
  EXPECT_THAT(panic_messages("thread 'main' panicked at a.rs:1:2:\nx\nstack backtrace:\n   0: y\n"), ElementsAre("x"));
  EXPECT_THAT(panic_messages("thread 'main' panicked at a.rs:1:2:"), ElementsAre(""));
  EXPECT_THAT(panic_messages("thread 'main' panicked at a.rs:1:2:\n"), ElementsAre(""));
}

TEST(PanicText, SeveralReports) {
  EXPECT_THAT(panic_messages("thread 'a' (1) panicked at a.rs:1:2:\nfirst\nthread 'b' panicked at 'second', "
                             "b.rs:1:1\nthread 'c' panicked at c.rs:3:4:\nthird\n"),
              ElementsAre("first", "second", "third"));
}

// Linear in whatever a guest may write: these would not end otherwise.
TEST(PanicText, HostileOutput) {
  std::string heads;
  std::string ends;
  std::string places;
  for (int i = 0; i < 200'000; ++i) {
    heads += "thread '";
    ends += "', ";
    places += "thread '' panicked at ";
  }
  EXPECT_THAT(panic_messages(heads), IsEmpty());
  EXPECT_THAT(panic_messages("thread '' panicked at '" + ends), IsEmpty());
  EXPECT_THAT(panic_messages(places), IsEmpty());
}

}  // namespace
}  // namespace lunabeam::tools
