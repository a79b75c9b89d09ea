// lunatic::message: send, receive and send_receive_skip_search (ABI document 4.7, guest contract 4).
#include <fmt/format.h>

#include "tests/unit/runtime/hostcalls/guest.h"

namespace lunabeam::tests {
namespace {

// `children` are further exported functions; names of functions are data at multiples of 16: child, other.
GuestRun run_guests(std::string_view body, std::string_view children = "") {
  return run_guest(fmt::format(R"({} {} {} {} (global $me (mut i64) (i64.const 0))
                                  (global $child (mut i64) (i64.const 0)) (global $i (mut i64) (i64.const 0))
                                  (func (export "_start")
                                  (global.set $me (call $process.process_id)) {}))",
                               kHelpers, data(0, "child"), data(16, "other"), children, body));
}

constexpr std::string_view kSpawnChild = "(call $spawn (i32.const 0) (i32.const 5) (i64.const 0))";

TEST(Receive, TakesMessagesInSendingOrder) {
  const GuestRun run = run_guests(R"(
    (call $send (global.get $me) (i64.const 5) (i64.const 50))
    (call $send (global.get $me) (i64.const 0) (i64.const 51))
    (call $send (global.get $me) (i64.const 6) (i64.const 52))
    (drop (call $receive (i64.const -1))) (call $test.report (call $value))
    (drop (call $receive (i64.const -1))) (call $test.report (call $value))
    (drop (call $receive (i64.const -1))) (call $test.report (call $value))
    (call $test.report32 (call $receive (i64.const 0))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{50, 51, 52, 9027}));
}

TEST(Receive, WithTagsTakesTheOldestThatMatches) {
  const GuestRun run = run_guests(R"(
    (call $send (global.get $me) (i64.const 5) (i64.const 50))
    (call $send (global.get $me) (i64.const 6) (i64.const 60))
    (call $send (global.get $me) (i64.const 5) (i64.const 51))
    (call $send (global.get $me) (i64.const 7) (i64.const 70))
    ;; The order of the list does not matter.
    (i64.store (i32.const 200) (i64.const 7))
    (i64.store (i32.const 208) (i64.const 6))
    (drop (call $message.receive (i32.const 200) (i32.const 2) (i64.const 0))) (call $test.report (call $value))
    (drop (call $message.receive (i32.const 200) (i32.const 2) (i64.const 0))) (call $test.report (call $value))
    (call $test.report32 (call $message.receive (i32.const 200) (i32.const 2) (i64.const 0)))
    (drop (call $receive (i64.const 0))) (call $test.report (call $value))
    (drop (call $receive (i64.const 0))) (call $test.report (call $value)))");
  EXPECT_EQ(run.reports, (std::vector<i64>{60, 70, 9027, 50, 51}));
}

TEST(Receive, ZeroInAListMatchesNothing) {
  const GuestRun run = run_guests(R"(
    (call $send (global.get $me) (i64.const 0) (i64.const 1))
    (call $test.report32 (call $receive_tag (i64.const 0) (i64.const 0)))
    (call $test.report32 (call $receive (i64.const 0))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{9027, 0}));
}

TEST(Receive, TagListsAreReadFromUnalignedMemoryUpToItsEnd) {
  const GuestRun run = run_guests(R"(
    (call $send (global.get $me) (i64.const 77) (i64.const 1))
    (i64.store (i32.const 65528) (i64.const 77))
    (call $test.report32 (call $message.receive (i32.const 65528) (i32.const 1) (i64.const 0)))
    (call $send (global.get $me) (i64.const 78) (i64.const 1))
    (i64.store align=1 (i32.const 201) (i64.const 78))
    (call $test.report32 (call $message.receive (i32.const 201) (i32.const 1) (i64.const 0)))
    (drop (call $message.receive (i32.const 65529) (i32.const 1) (i64.const 0))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 0}));
  EXPECT_EQ(run.trap(), "lunatic::message::receive: out of bounds guest memory access");
}

TEST(Receive, CountOfTagsDoesNotWrap) {
  EXPECT_EQ(run_guests("(drop (call $message.receive (i32.const 0) (i32.const 0x20000001) (i64.const 0)))").trap(),
            "lunatic::message::receive: out of bounds guest memory access");
}

TEST(Receive, WithoutTagsTheAddressIsNotRead) {
  const GuestRun run =
      run_guests("(call $test.report32 (call $message.receive (i32.const -1) (i32.const 0) (i64.const 0)))");
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{9027}));
}

TEST(Receive, TimeOutLeavesTheScratchAreaAlone) {
  const GuestRun run = run_guests(R"(
    (call $message.create_data (i64.const 33) (i64.const 0))
    (call $test.report32 (call $receive (i64.const 0)))
    (call $test.report32 (call $receive (i64.const 20)))
    (call $test.report (call $message.get_tag)))");
  EXPECT_EQ(run.reports, (std::vector<i64>{9027, 9027, 33}));
}

TEST(Receive, MessageReplacesTheScratchArea) {
  const GuestRun run = run_guests(R"(
    (call $send (global.get $me) (i64.const 1) (i64.const 1))
    (call $message.create_data (i64.const 33) (i64.const 0))
    (call $test.report32 (call $receive (i64.const 0)))
    (call $test.report (call $message.get_tag)))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 1}));
}

TEST(Receive, IsWokenByTheMessageItWaitsForOnly) {
  const GuestRun run = run_guests(fmt::format(R"(
    (drop {})
    (call $test.report32 (call $receive_tag (i64.const 5) (i64.const -1))) (call $test.report (call $value))
    (drop (call $receive (i64.const 0))) (call $test.report (call $value))
    (drop (call $receive (i64.const 0))) (call $test.report (call $value)))",
                                              kSpawnChild),
                                  R"((func (export "child")
      (call $process.sleep_ms (i64.const 10)) (call $send (i64.const 1) (i64.const 3) (i64.const 30))
      (call $process.sleep_ms (i64.const 10)) (call $send (i64.const 1) (i64.const 4) (i64.const 40))
      (call $process.sleep_ms (i64.const 10)) (call $send (i64.const 1) (i64.const 5) (i64.const 50))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 50, 30, 40}));
}

// ABI defect 16: what an abandoned wait would have matched stays in its place.
TEST(Receive, OrderHoldsAfterATimedOutWait) {
  const GuestRun run = run_guests(fmt::format(R"(
    (global.set $child {})
    (call $test.report32 (call $receive_tag (i64.const 5) (i64.const 5)))
    (call $process.sleep_ms (i64.const 50))
    (drop (call $receive (i64.const 0))) (call $test.report (call $value))
    (drop (call $receive (i64.const 0))) (call $test.report (call $value))
    (drop (call $receive (i64.const 0))) (call $test.report (call $value)))",
                                              kSpawnChild),
                                  R"((func (export "child")
      (call $process.sleep_ms (i64.const 20))
      (call $send (i64.const 1) (i64.const 5) (i64.const 1))
      (call $send (i64.const 1) (i64.const 5) (i64.const 2))
      (call $send (i64.const 1) (i64.const 0) (i64.const 3))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{9027, 1, 2, 3}));
}

TEST(Send, AnswersZeroForWhoeverIsNotThere) {
  const GuestRun run = run_guests(R"(
    (call $message.create_data (i64.const 1) (i64.const 0))
    (call $test.report32 (call $message.send (i64.const 12345)))
    (call $message.create_data (i64.const 1) (i64.const 0))
    (call $test.report32 (call $message.send (i64.const 0)))
    (call $message.create_data (i64.const 1) (i64.const 0))
    (call $test.report32 (call $message.send (i64.const -1)))
    (drop (call $message.get_tag)))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 0, 0}));
  EXPECT_EQ(run.trap(), "lunatic::message::get_tag: there is no message in the scratch area");
}

TEST(Send, ReadPositionTravelsWithTheMessage) {
  const GuestRun run = run_guests(R"(
    (call $send (global.get $me) (i64.const 1) (i64.const 0x1122334455667788))
    (drop (call $receive (i64.const 0)))
    (drop (call $message.read_data (i32.const 0) (i32.const 6)))
    (drop (call $message.send (global.get $me)))
    (drop (call $receive (i64.const 0)))
    (call $test.report32 (call $message.read_data (i32.const 0) (i32.const 8)))
    (call $test.report (i64.and (i64.load (i32.const 0)) (i64.const 0xFFFF)))
    (call $test.report (call $message.data_size)))");
  EXPECT_EQ(run.reports, (std::vector<i64>{2, 0x1122, 8}));
}

// --- send_receive_skip_search ---

// Answers every message with its tag and its value plus one.
constexpr std::string_view kServer = R"((func (export "child") (local $value i64) (local $tag i64)
  (loop $next
    (drop (call $receive (i64.const -1)))
    (local.set $value (call $value))
    (local.set $tag (call $message.get_tag))
    (call $send (i64.const 1) (local.get $tag) (i64.add (local.get $value) (i64.const 1)))
    (br $next))))";

std::string request(std::string_view pid, i64 tag, i64 value, i64 timeout_ms, i64 wait_tag) {
  return fmt::format(R"(
    (call $message.create_data (i64.const {}) (i64.const 0))
    (i64.store (i32.const 300) (i64.const {}))
    (drop (call $message.write_data (i32.const 300) (i32.const 8)))
    (call $test.report32 (call $message.send_receive_skip_search {} (i64.const {}) (i64.const {}))))",
                     tag, value, pid, wait_tag, timeout_ms);
}

TEST(SkipSearch, LooksOnlyAtWhatArrivesAfterTheCall) {
  // A thousand messages with the awaited tag are in the mailbox already.
  const GuestRun run = run_guests(fmt::format(R"(
    (global.set $child {})
    (loop $more
      (call $send (global.get $me) (i64.const 5) (global.get $i))
      (global.set $i (i64.add (global.get $i) (i64.const 1)))
      (br_if $more (i64.lt_u (global.get $i) (i64.const 1000))))
    {}
    (call $test.report (call $value))
    (drop (call $receive (i64.const 0))) (call $test.report (call $value)))",
                                              kSpawnChild, request("(global.get $child)", 5, 4141, -1, 5)),
                                  kServer);
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 4142, 0}));
}

TEST(SkipSearch, OtherMessagesKeepTheirPlaces) {
  const GuestRun run = run_guests(fmt::format(R"(
    (global.set $child {})
    (call $send (global.get $me) (i64.const 1) (i64.const 10))
    {} (call $test.report (call $value))
    (drop (call $receive (i64.const 0))) (call $test.report (call $value))
    (drop (call $receive (i64.const 0))) (call $test.report (call $value))
    (call $test.report32 (call $receive (i64.const 0))))",
                                              kSpawnChild, request("(global.get $child)", 9, 100, -1, 9)),
                                  R"((func (export "child")
      (drop (call $receive (i64.const -1)))
      (call $send (i64.const 1) (i64.const 2) (i64.const 20))
      (call $send (i64.const 1) (i64.const 9) (i64.const 90))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 90, 10, 20, 9027}));
}

TEST(SkipSearch, TimesOutWithAnEmptyScratchArea) {
  for (const i64 timeout_ms : {0, 30}) {
    const GuestRun run = run_guests(request("(i64.const 777)", 5, 1, timeout_ms, 5) + "(drop (call $message.get_tag))");
    EXPECT_EQ(run.reports, (std::vector<i64>{9027}));
    EXPECT_EQ(run.trap(), "lunatic::message::get_tag: there is no message in the scratch area");
  }
}

TEST(SkipSearch, LateReplyIsAnOrdinaryMessage) {
  const GuestRun run = run_guests(fmt::format(R"(
    (global.set $child {}) {}
    (call $process.sleep_ms (i64.const 100))
    (call $test.report32 (call $receive_tag (i64.const 5) (i64.const 0))) (call $test.report (call $value)))",
                                              kSpawnChild, request("(global.get $child)", 5, 1, 10, 5)),
                                  R"((func (export "child")
      (drop (call $receive (i64.const -1))) (call $process.sleep_ms (i64.const 50))
      (call $send (i64.const 1) (i64.const 5) (i64.const 55))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{9027, 0, 55}));
}

TEST(SkipSearch, AnswersZeroForADeadLinkWithTheTag) {
  const GuestRun run = run_guests(fmt::format(R"(
    (call $process.die_when_link_dies (i32.const 0))
    (drop (call $spawn (i32.const 0) (i32.const 5) (i64.const 66)))
    {} (call $test.report (call $message.get_tag)) (call $test.report (call $message.data_size)))",
                                              request("(i64.const 777)", 5, 1, -1, 66)),
                                  R"((func (export "child") (call $process.sleep_ms (i64.const 5)) unreachable))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 66}));
  EXPECT_EQ(run.trap(), "lunatic::message::data_size: the message is not a data message");
}

TEST(SkipSearch, RequestToItselfIsItsOwnReply) {
  EXPECT_EQ(run_guests(request("(global.get $me)", 5, 8, 0, 5) + "(call $test.report (call $value))").reports,
            (std::vector<i64>{0, 8}));
}

// --- Guests before 0.13 ---

TEST(OldGuests, SendHasNoResult) {
  const GuestRun run = run_guests(R"(
    (call $message.create_data (i64.const 4) (i64.const 0))
    (call $old.message.send (global.get $me))
    (call $test.report32 (call $receive (i64.const 0)))
    (call $test.report (call $message.get_tag))
    (call $old.message.send (global.get $me))
    (call $old.message.send (global.get $me)))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 4}));
  EXPECT_EQ(run.trap(), "lunatic::message::send: there is no message in the scratch area");
}

std::string old_request(i64 tag, i64 timeout_ms) {
  return fmt::format(R"(
    (call $message.create_data (i64.const {}) (i64.const 0))
    (drop (call $message.write_data (i32.const 300) (i32.const 8)))
    (call $test.report32 (call $old.message.send_receive_skip_search (global.get $child) (i64.const {}))))",
                     tag, timeout_ms);
}

TEST(OldGuests, RequestWaitsForItsOwnTag) {
  const GuestRun run = run_guests(fmt::format(R"(
    (global.set $child {})
    (call $send (global.get $me) (i64.const 5) (i64.const 1)) {}
    (call $test.report (call $value)))",
                                              kSpawnChild, old_request(5, -1)),
                                  R"((func (export "child") (drop (call $receive (i64.const -1)))
      (call $send (i64.const 1) (i64.const 6) (i64.const 60)) (call $send (i64.const 1) (i64.const 5) (i64.const 50))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 50}));
}

TEST(OldGuests, UntaggedRequestWaitsForAnythingThatArrivesLater) {
  const GuestRun run = run_guests(fmt::format(R"(
    (global.set $child {})
    (call $send (global.get $me) (i64.const 5) (i64.const 1)) {}
    (call $test.report (call $value)) {} {}
    (drop (call $receive (i64.const 0))) (call $test.report (call $value)))",
                                              kSpawnChild, old_request(0, -1), old_request(0, 0), old_request(0, 20)),
                                  R"((func (export "child") (drop (call $receive (i64.const -1)))
      (call $process.sleep_ms (i64.const 5))
      (call $send (i64.const 1) (i64.const 6) (i64.const 60)) (call $process.sleep_ms (i64.const -1))))");
  EXPECT_EQ(run.reports, (std::vector<i64>{0, 60, 9027, 9027, 1}));
}

// A call that costs many slices delays others by its own length only, and sleepers are not starved by what it overdraws.
TEST(Receive, SleepersRunBesideALoopOfLargeWrites) {
  const GuestRun run = run_guest(fmt::format(R"({} {}
    (func (export "child") (loop $more
      (call $message.create_data (i64.const 0) (i64.const 0))
      (drop (call $message.write_data (i32.const 0) (i32.const 4194304)))
      (br $more)))
    (func (export "_start")
      (drop (call $spawn (i32.const 0) (i32.const 5) (i64.const 0)))
      (call $process.sleep_ms (i64.const 1)) (call $process.sleep_ms (i64.const 1)) (call $test.report (i64.const 1))))",
                                             kHelpers, data(0, "child")),
                                 {.pages = 65});
  EXPECT_EQ(run.reports, (std::vector<i64>{1}));
}

// Ten thousand messages, compared with a thousand tags that none of them has: the sleeper does not wait for the search.
TEST(Receive, ALongSearchIsDoneInSteps) {
  const GuestRun run = run_guest(fmt::format(R"({} {}
    (func (export "child") (local $i i32)
      (call $process.sleep_ms (i64.const 1))
      (call $test.report (i64.const 1)))
    (func (export "_start") (local $i i32)
      (loop $more
        (call $send (i64.const 1) (i64.const 5) (i64.const 0))
        (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10000))))
      (call $send (i64.const 1) (i64.const 6) (i64.const 9))
      (drop (call $spawn (i32.const 0) (i32.const 5) (i64.const 0)))
      (i64.store (i32.const 8000) (i64.const 6))
      ;; Found behind all others; then not found, whatever the timeout.
      (call $test.report32 (call $message.receive (i32.const 8) (i32.const 1000) (i64.const 0)))
      (call $test.report (call $value))
      (call $test.report32 (call $message.receive (i32.const 8) (i32.const 1000) (i64.const 0)))
      (call $test.report32 (call $message.receive (i32.const 8) (i32.const 1000) (i64.const 3)))
      (call $test.report32 (call $receive (i64.const 0)))))",
                                             kHelpers, data(0, "child")));
  EXPECT_EQ(run.trap(), "");
  EXPECT_EQ(run.reports, (std::vector<i64>{1, 0, 9, 9027, 9027, 0}));
}

TEST(Receive, ListsOfTagsAreBounded) {
  EXPECT_EQ(
      run_body("(drop (call $message.receive (i32.const 0) (i32.const 65537) (i64.const 0)))", {.pages = 9}).trap(),
      "lunatic::message::receive: the list has more than 65,536 tags");
}

TEST(Texts, LongOnesTrapBeforeTheyAreLookedAt) {
  EXPECT_EQ(run_body("(call $registry.remove (i32.const 0) (i32.const 1048577))", {.pages = 17}).trap(),
            "lunatic::registry::remove: the text is longer than 1 MiB");
  EXPECT_EQ(run_body("(call $registry.remove (i32.const 0) (i32.const 1048577))", {.pages = 16}).trap(),
            "lunatic::registry::remove: out of bounds guest memory access");
  EXPECT_EQ(run_body("(call $registry.remove (i32.const 0) (i32.const 1048576))", {.pages = 17}).trap(), "");
}

}  // namespace
}  // namespace lunabeam::tests
