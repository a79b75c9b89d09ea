#!/usr/bin/env python3
"""What a person can do wrong with the conformance runner: every case has one exit status and one clear cause.

    command_line.py PROGRAM
"""

import subprocess
import sys
import tempfile
from pathlib import Path

GOOD = '(module (func (export "f") (result i32) (i32.const 1))) (assert_return (invoke "f") (i32.const 1))'
BAD = GOOD.replace('(i32.const 1)))', '(i32.const 2)))')
HANGS = '(module (func (export "f") (loop (br 0)))) (assert_return (invoke "f"))'
MODULE_ONLY = '(module'


def main():
    program, problems = str(Path(sys.argv[1]).resolve()), []
    with tempfile.TemporaryDirectory(prefix="spectest-") as scratch:
        folder = Path(scratch)
        (folder / "none").mkdir()
        for name, content in [("good", GOOD), ("bad", BAD), ("hangs", HANGS), ("cut", MODULE_ONLY), ("empty", "")]:
            (folder / f"{name}.wast").write_text(content, encoding="ascii")
        (folder / "garbage.wast").write_bytes(bytes(range(256)) * 64)
        (folder / "list").write_text("bad.wast: *  # returned (i32.const 2)\n", encoding="ascii")
        (folder / "nonsense").write_text("bad.wast\n", encoding="ascii")
        for words, status, stdout, stderr in [
            (["good.wast"], 0, "", ""),
            (["empty.wast"], 0, "", ""),
            (["bad.wast"], 1, "FAILED bad.wast:1: assert_return", ""),
            (["cut.wast", "good.wast"], 1, "FAILED cut.wast:1", ""),
            (["garbage.wast"], 1, "FAILED garbage.wast:", ""),
            (["--timeout", "0.5", "hangs.wast"], 1, "TIMED OUT hangs.wast:1", ""),
            (["--crash-at-line", "1", "good.wast"], 1, "CRASHED good.wast:1", ""),
            (["--expected-failures", "list", "bad.wast"], 0, "", ""),
            (["--timeout", "2", "--expected-failures", "list", "."], 1, "", ""),
            (["--expected-failures", "nonsense", "bad.wast"], 2, "", "nonsense: line 1"),
            (["--expected-failures", "absent", "bad.wast"], 2, "", "absent: No such file"),
            (["absent.wast"], 2, "", "absent.wast: no such file or folder"),
            (["--skip-missing", "absent.wast"], 77, "", ""),
            (["none"], 2, "", "no scripts"),
            (["--filter", "(", "good.wast"], 2, "", "--filter"),
            (["--tier", "jit", "good.wast"], 2, "", "no tier"),
            (["--features", "nothing", "good.wast"], 2, "", "no feature"),
            (["--json", "none/a/b", "good.wast"], 2, "", "none/a/b"),
            ([], 2, "", "paths"),
            (["--bogus", "good.wast"], 2, "", "--bogus"),
            (["--jobs", "-1", "good.wast"], 2, "", "--jobs"),
            (["--timeout", "0", "good.wast"], 2, "", "--timeout"),
            (["--timeout", "nan", "good.wast"], 2, "", "--timeout"),
            (["--help"], 0, "Usage", ""),
        ]:
            done = subprocess.run([program, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                                  timeout=240, cwd=folder)
            if done.returncode != status or stdout not in done.stdout or stderr not in done.stderr:
                problems.append(f"{words}: status {done.returncode}, printed {done.stdout[-400:]!r}, {done.stderr[-400:]!r}")
        # What the list says must happen: it fails no more.
        (folder / "bad.wast").write_text(GOOD, encoding="ascii")
        done = subprocess.run([program, "--expected-failures", "list", "bad.wast"], capture_output=True, text=True, timeout=240,
                              cwd=folder)
        if done.returncode != 1 or "did not happen" not in done.stdout:
            problems.append(f"a listed failure that did not happen: status {done.returncode}, {done.stdout[-400:]!r}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
