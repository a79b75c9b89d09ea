#!/usr/bin/env python3
"""Runs a guest on the VM and compares what it does with what it should.

    check_guest.py --vm PROGRAM [--vm-args "OPTIONS"] MODULE [ARGUMENTS...]
      --launcher PROGRAM  runs the VM: an emulator
      --stdout FILE       standard output must be the bytes of FILE
      --matches REGEX     standard output must match as a whole
      --supervised        standard output must be what supervised.wasm prints for its arguments
      --stderr TEXT       standard error must hold TEXT (may be given several times)
      --status N          exit status (default 0)
      --seeds N           run N times, as `--deterministic --seed 1` to N
      --guest-seeds N     run N times, with 1 to N as last argument

Options come before MODULE; everything after it is the guest's. Status 77 when MODULE does not exist: skipped.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

SKIPPED = 77


def supervised_output(arguments):
    """The line that supervised.wasm must print: a model of its bookkeeping, without processes."""
    n, kills, seed = (int(argument) for argument in arguments)
    totals = [0] * n
    for _ in range(kills):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        victim, witness = (seed >> 33) % n, (seed >> 13) % n
        totals[victim] = 0
        totals[witness] += victim
    return f"{n} supervised, {kills} crashes, {n + kills} starts, {kills} requests, sum {sum(totals)}\n".encode()


def difference(expected, got):
    lines, wanted = got.splitlines(), expected.splitlines()
    for number, (a, b) in enumerate(zip(wanted, lines), 1):
        if a != b:
            return f"line {number} is {b!r}, expected {a!r}"
    return f"{len(lines)} lines instead of {len(wanted)}: {got!r}"


def check(options, vm_args, arguments):
    """Runs the guest once; returns None or what is wrong."""
    command = [*options.launcher, options.vm, "run", *vm_args, str(options.module), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=options.timeout)
    except subprocess.TimeoutExpired as late:
        return f"$ {shlex.join(command)}\nstill runs after {options.timeout} s\n{late.stdout}\n{late.stderr}"
    wrong = []
    if done.returncode != options.status:
        wrong.append(f"status {done.returncode}, expected {options.status}")
    expected = options.stdout.read_bytes() if options.stdout else None
    if options.supervised:
        expected = supervised_output(arguments)
    if expected is not None and done.stdout != expected:
        wrong.append("standard output: " + difference(expected, done.stdout))
    if options.matches and not re.fullmatch(options.matches, done.stdout.decode(errors="replace")):
        wrong.append(f"standard output {done.stdout!r} does not match {options.matches!r}")
    errors = done.stderr.decode(errors="replace")
    wrong += [f"standard error lacks {text!r}" for text in options.stderr if text not in errors]
    return f"$ {shlex.join(command)}\n" + "\n".join(wrong) + f"\nstandard error:\n{errors[-4000:]}" if wrong else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vm", required=True)
    parser.add_argument("--vm-args", default="")
    parser.add_argument("--launcher", type=shlex.split, default=[])
    parser.add_argument("--stdout", type=Path)
    parser.add_argument("--matches")
    parser.add_argument("--supervised", action="store_true")
    parser.add_argument("--stderr", action="append", default=[])
    parser.add_argument("--status", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=0)
    parser.add_argument("--guest-seeds", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=600)
    parser.add_argument("module", type=Path)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if not options.module.exists():
        print(f"skipped: there is no {os.path.relpath(options.module)}")
        sys.exit(SKIPPED)
    if options.stdout and not options.stdout.exists():
        sys.exit(f"there is no {options.stdout}")
    vm_args = shlex.split(options.vm_args)
    runs = [(vm_args + ["--deterministic", "--seed", str(seed)], options.arguments)
            for seed in range(1, options.seeds + 1)]
    runs += [(vm_args, [*options.arguments, str(seed)]) for seed in range(1, options.guest_seeds + 1)]
    wrong = [message for message in (check(options, *run) for run in runs or [(vm_args, options.arguments)]) if message]
    if wrong:
        sys.exit("\n\n".join(wrong[:3]) + f"\n\n{len(wrong)} of {len(runs) or 1} runs went wrong")


if __name__ == "__main__":
    main()
