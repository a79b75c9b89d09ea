#!/usr/bin/env python3
"""`lunabeam test`, and `lunabeam run` as Cargo's runner, on a test module.

    test_runner.py PROGRAM MODULE
"""

import json
import os
import re
import subprocess
import sys

TIMEOUT_S = 120

PRETTY = """
running 17 tests
test arguments::three ... ignored
test bad::does_not_panic - should panic ... ignored
test bad::exits_with_3 ... ignored
test bad::other_text - should panic ... ignored
test bad::panics ... ignored
test bad::traps ... ignored
test good::ends ... ok
test good::exits_with_0 ... ok
test good::has_a_child ... ok
test good::is_alone ... ok
test good::is_captured ... ok
test good::leaves_a_loop ... ok
test good::prints ... ok
test panics::any - should panic ... ok
test panics::new_text - should panic ... ok
test panics::of_a_child - should panic ... ok
test panics::old_text - should panic ... ok

test result: ok. 11 passed; 0 failed; 6 ignored; 0 measured; 0 filtered out; finished in TIME

"""

FAILING = """
running 5 tests
test bad::does_not_panic - should panic ... FAILED
test bad::exits_with_3 ... FAILED
test bad::other_text - should panic ... FAILED
test bad::panics ... FAILED
test bad::traps ... FAILED

failures:

---- bad::does_not_panic stdout ----
note: test did not panic as expected

---- bad::exits_with_3 stdout ----
note: the test failed without a panic: exited with status 3

---- bad::other_text stdout ----
thread 'main' panicked at 'it broke', tests/old.rs:7:5
note: panic did not contain expected string
      panic message: `it broke`
 expected substring: `#`

---- bad::panics stdout ----

thread '<unnamed>' (1) panicked at tests/new.rs:7:5:
it burnt
note: run with `RUST_BACKTRACE=1`

---- bad::traps stdout ----
from the test
note: the test failed without a panic: trap: unreachable
BACKTRACE

failures:
    bad::does_not_panic
    bad::exits_with_3
    bad::other_text
    bad::panics
    bad::traps

test result: FAILED. 0 passed; 5 failed; 0 ignored; 0 measured; 12 filtered out; finished in TIME

"""

SHOWN = """
running 1 test
test good::has_a_child ... ok

successes:

---- good::has_a_child stdout ----
 --- process 1 stdout ---
from the test
 --- process 2 stdout ---
from the child

successes:
    good::has_a_child

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 16 filtered out; finished in TIME

"""

TESTS_FAILED = 101
USAGE = 2


class Failures(list):
    def expect(self, condition, what):
        if not condition:
            self.append(what)


def sorted_results(text):
    """Tests end in any order: the lines `test NAME ... WORD` of a block, by name."""
    lines = text.split("\n")
    at = [i for i, line in enumerate(lines) if line.startswith("test ") and " ... " in line]
    for i, line in zip(at, sorted(lines[i] for i in at)):
        lines[i] = line
    return "\n".join(lines)


def normal(text):
    text = re.sub(r"finished in [0-9]+\.[0-9]{2}s", "finished in TIME", text)
    return sorted_results(re.sub(r"(trap: unreachable\n)(?:(?!\n).+\n)+", r"\1BACKTRACE\n", text))


class Cases:
    def __init__(self, program, module):
        self.program, self.module = program, module
        self.failures = Failures()
        self.count = 0

    def run(self, *arguments, status=0, **variables):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith(("RUST_", "CARGO_", "LUNABEAM_"))}
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S,
                              env=environment | variables, stdin=subprocess.DEVNULL)
        self.count += 1
        self.failures.expect(done.returncode == status, f"{arguments}: status {done.returncode}: {done.stderr}")
        return done

    def prints(self, expected, *arguments, status=0, errors="", **variables):
        done = self.run(*arguments, status=status, **variables)
        self.failures.expect(normal(done.stdout) == expected, f"{arguments} printed:\n{normal(done.stdout)}")
        self.failures.expect(done.stderr == errors, f"{arguments}: standard error:\n{done.stderr}")

    def all(self):
        test = ("test", self.module)
        self.prints(PRETTY, *test)
        for options in (["--workers", "1"], ["--workers", "2"], ["--workers", "4"], ["--dispatch=step"]):
            self.prints(PRETTY, "test", *options, self.module)
        self.prints(PRETTY, *test, LUNABEAM_WORKERS="3")
        self.prints(PRETTY, *test, "--test-threads", "1", "--skip", "nothing")
        self.prints(PRETTY, *test, RUST_TEST_THREADS="2")
        for filters in (["bad::", "--ignored"], ["bad", "--include-ignored", "--color=never"]):
            self.prints(FAILING, *test, *filters, status=TESTS_FAILED)
        self.prints(SHOWN, *test, "--exact", "good::has_a_child", "--show-output")
        self.prints("\nrunning 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 17 filtered out; "
                    "finished in TIME\n\n", *test, "nothing")
        # Tests that wait for what cannot happen, or run for ever behind the last one, end in virtual time too.
        self.prints(PRETTY, "test", "--deterministic", "--seed", "3", self.module)

        terse = self.run(*test, "-q", "good")
        self.failures.expect(re.search(r"^\nrunning 7 tests\n\.{7}\n\ntest result: ok\. 7 passed", terse.stdout),
                             f"terse: {terse.stdout}")
        events = [json.loads(line) for line in self.run(*test, "--format=json", "good").stdout.splitlines()]
        self.failures.expect(sum(event.get("event") == "ok" for event in events) == 8, f"json: {events}")
        listed = self.run(*test, "--list", "--format", "terse", "good").stdout.splitlines()
        self.failures.expect(len(listed) == 7 and listed[0] == "good::ends: test", f"list: {listed}")

        shown = self.run(*test, "--nocapture", "panics", "prints")
        self.failures.expect("from the test\n" in shown.stdout and "it burnt" in shown.stderr,
                             f"--nocapture: {shown.stdout}{shown.stderr}")
        self.failures.expect("test result: ok. 5 passed" in shown.stdout, f"--nocapture: {shown.stdout}")
        self.run(*test, "arguments", "--ignored", "--", "a", "--list", "c")
        self.run(*test, "arguments", "--ignored", "--", "a", status=TESTS_FAILED)
        self.run(*test, "--lost", status=USAGE)
        self.run(*test, "--help")
        self.run("test", "--help")
        self.run("test", "no such file", status=1)

        # As Cargo's runner: tests where it asks for them, else the program.
        cargo = {"CARGO_MANIFEST_DIR": "/nowhere"}
        self.prints(PRETTY, "run", self.module, **cargo)
        self.prints(PRETTY, self.module, **cargo)
        self.prints(SHOWN, "run", "--workers", "1", self.module, "has_a_child", "--show-output", **cargo)
        self.prints("_start ran\n", "run", self.module)
        self.prints("_start ran\n", "run", self.module, "--bench", **cargo)

        print(f"{self.count} runs, {len(self.failures)} failures")
        for failure in self.failures:
            print(failure)
        return 1 if self.failures else 0


if __name__ == "__main__":
    sys.exit(Cases(*sys.argv[1:3]).all())
