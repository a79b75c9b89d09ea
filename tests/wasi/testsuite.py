#!/usr/bin/env python3
"""Runs the official tests of WASI preview 1 (the folder wasi-testsuite beside the checkout).

    testsuite.py PROGRAM FOLDER [--only NAME] [--hide-openat2] [--repeat N] [-- OPTIONS OF lunabeam run]

Each test gets a fresh copy of its fixtures and five seconds. With --hide-openat2 the program runs under a filter that answers ENOSYS to
that system call, as older kernels do. Exit status 77: the folder is not there.
"""

import argparse
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hide_openat2 import hide_openat2

TIME_LIMIT_S = 5
SKIPPED = 77

def tests_below(folder):
    return sorted(folder.glob("tests/*/testsuite/wasm32-wasip1/*.wasm"))


def name_of(module):
    return f"{module.parents[2].name}/{module.stem}"


def run_test(program, module, options, hide):
    """-> what is wrong, or None."""
    description = module.with_suffix(".json")
    wanted = json.loads(description.read_text(encoding="utf-8")) if description.exists() else {}
    unknown = set(wanted) - {"args", "env", "root", "exit_code", "stdout"}
    if unknown:
        return f"keys that this runner does not know: {sorted(unknown)}"
    with tempfile.TemporaryDirectory(prefix="wasi-") as scratch:
        command = [program, "run", "--no-default-dir", *options]
        if "root" in wanted:
            root = Path(scratch) / "root"
            shutil.copytree(module.parent / wanted["root"], root, symlinks=True)
            # The tests create and remove things; the original may be read-only.
            for folder, _, files in os.walk(root):
                os.chmod(folder, 0o755)
                for file in files:
                    os.chmod(Path(folder) / file, 0o644)
            command += ["--dir", f"{root}::/"]
        command += [str(module), "--", *wanted.get("args", [])]
        try:
            done = subprocess.run(command, env=wanted.get("env", {}), stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=TIME_LIMIT_S, cwd=scratch, preexec_fn=hide_openat2 if hide else None)
        except subprocess.TimeoutExpired:
            return f"took longer than {TIME_LIMIT_S} s"
    errors = done.stderr.decode(errors="replace")
    if done.returncode != wanted.get("exit_code", 0):
        return f"status {done.returncode} instead of {wanted.get('exit_code', 0)}\n{errors[-2000:]}"
    if "stdout" in wanted and done.stdout.decode(errors="replace") != wanted["stdout"]:
        return f"printed {done.stdout[:200]!r} instead of {wanted['stdout']!r}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", help="tests whose name contains this")
    parser.add_argument("--expect", type=int, help="how many tests there must be")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--hide-openat2", action="store_true")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    arguments = parser.parse_args(sys.argv[1:end])
    arguments.options = sys.argv[end + 1:]
    if not (arguments.folder / "tests").is_dir():
        print(f"{arguments.folder} is not there")
        return SKIPPED
    modules = [module for module in tests_below(arguments.folder) if (arguments.only or "") in name_of(module)]
    program = str(Path(arguments.program).resolve())
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = modules * arguments.repeat
        answers = pool.map(lambda module: run_test(program, module, arguments.options, arguments.hide_openat2), runs)
        for module, problem in zip(runs, answers):
            if problem is not None:
                failures += 1
                print(f"FAILED {name_of(module)}: {problem}")
    print(f"{len(runs) - failures} of {len(runs)}")
    if arguments.expect is not None and len(modules) != arguments.expect:
        print(f"there are {len(modules)} tests instead of {arguments.expect}")
        return 1
    return 1 if failures or not runs else 0


if __name__ == "__main__":
    sys.exit(main())
