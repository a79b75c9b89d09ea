#!/usr/bin/env python3
"""What a person or a hostile file can do to the program: every case has one exit status and one clear cause.

    command_line.py PROGRAM GUEST_FOLDER
"""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TIMEOUT_S = 120


def leb(value):
    out = bytearray()
    while True:
        out.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def text(string):
    return leb(len(string)) + string.encode()


def section(number, *entries, count=True):
    body = (leb(len(entries)) if count else b"") + b"".join(entries)
    return bytes([number]) + leb(len(body)) + body


def trapping_module(name):
    """A _start that traps, called `name` in the name section."""
    names = b"\1\0" + text(name)
    return b"\0asm\1\0\0\0" + b"".join([
        section(1, b"\x60\0\0"), section(3, b"\0"), section(7, text("_start") + b"\0\0"),
        section(10, b"\3\0\0\x0b"), section(0, text("name") + b"\1" + leb(len(names)) + names, count=False),
    ])


def importing_module(name):
    return b"\0asm\1\0\0\0" + section(1, b"\x60\0\0") + section(2, text("env") + text(name) + b"\0\0")


def small_module():
    body = b"\x00\x10\x00\x1a\x0b"  # no locals; call 0; drop; end
    return b"\0asm\1\0\0\0" + b"".join([
        section(1, b"\x60\0\0", b"\x60\0\1\x7e"),
        section(2, text("lunatic::process") + text("process_id") + b"\0\1"),
        section(3, b"\0"),
        section(4, b"\x70\0\1"),
        section(5, b"\0\1"),
        section(6, b"\x7f\1\x41\5\x0b"),
        section(7, text("_start") + b"\0\1", text("memory") + b"\2\0"),
        section(9, b"\0\x41\0\x0b\1\1"),
        section(10, leb(len(body)) + body),
        section(11, b"\0\x41\3\x0b" + text("hello")),
        section(0, text("name") + b"\1\7\1\1" + text("main"), count=False),
    ])


def await_blocked_signal(process, threads):
    """Returns when SIGUSR1 cannot end the process any more, and it has so many threads; or when it has ended."""
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        fields = dict(line.split(":", 1) for line in status.splitlines())
        if int(fields["SigBlk"], 16) & 1 << signal.SIGUSR1 - 1 and int(fields["Threads"]) >= threads:
            return
        time.sleep(0.01)


class Failures(list):
    def expect(self, condition, what):
        if not condition:
            self.append(what)


class Cases:
    def __init__(self, program, guests, folder):
        self.program, self.guests, self.folder = program, guests, folder
        self.failures = Failures()
        self.count = 0

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def run(self, *arguments, **how):
        how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **how}
        self.count += 1
        return subprocess.run([self.program, *arguments], stderr=subprocess.PIPE, timeout=TIMEOUT_S, text=True, **how)

    def case(self, arguments, status, *stderr, lines=None, prints=None, **how):
        """Runs `lunabeam ARGUMENTS`; wants this status and each text in standard error (none: it must be empty)."""
        done = self.run(*arguments, **how)
        shown = f"lunabeam {' '.join(arguments)}"
        expect = self.failures.expect
        expect(done.returncode == status, f"{shown}: status {done.returncode} instead of {status}: {done.stderr[:300]}")
        for wanted in stderr:
            expect(wanted in done.stderr, f"{shown}: no {wanted!r} in {done.stderr[:300]!r}")
        expect(stderr or not done.stderr, f"{shown}: printed {done.stderr[:300]!r}")
        got = done.stderr.count("\n")
        expect(lines is None or got == lines, f"{shown}: {got} lines of error: {done.stderr[:300]!r}")
        expect(prints is None or done.stdout == prints, f"{shown}: printed {str(done.stdout)[:100]!r}")

    def files(self):
        absent = str(self.folder / "absent.wasm")
        bad = [(absent, "module not found"), (str(self.folder), "Is a directory")]
        for name, data, cause in [
            ("empty.wasm", b"", "at offset 0x0"),
            ("garbage.wasm", b"garbage\n" * 100, "magic header not detected at offset 0x0"),
            ("version.wasm", b"\0asm\2\0\0\0", "unknown binary version at offset 0x4"),
            ("length.wasm", b"\0asm\1\0\0\0\1" + leb(2**32 - 1), "length out of bounds at offset 0x9"),
            ("types.wasm", b"\0asm\1\0\0\0\1\6" + leb(2**32 - 1) + b"\x60", "at offset 0x"),
        ]:
            bad.append((self.file(name, data), cause))
        for path, cause in bad:
            for command in ("run", "validate", "inspect"):
                self.case([command, path], 1, f"error: {path}: ", cause, lines=1)
        module = self.file("small.wasm", small_module())
        self.case(["run", module], 0)
        self.case(["validate", module], 0, prints="")
        self.case(["validate", module, absent, bad[2][0], module], 1, absent, bad[2][0], lines=2)
        header = self.file("header.wasm", b"\0asm\1\0\0\0")
        self.case(["validate", header], 0)
        self.case(["run", header], 1, "_start", lines=1)
        self.case(["inspect", "--code", "nowhere", module], 1, "no function 'nowhere'", lines=1)

    def sources(self):
        """Modules as text: run, and wrong in the reader and in the validator, with the place and the line."""
        good = self.file("good.wat", b'(module (memory (export "memory") 1) (func (export "_start")))\n')
        self.case(["run", good], 0)
        self.case(["validate", good], 0, prints="")
        self.case(["inspect", good], 0)
        unnamed = self.file("unnamed.wasm", b";; text by its first character\n(func)\n")
        self.case(["validate", unnamed], 0, prints="")
        for name, data, place, line in [
            ("malformed.wat", b"(module\n  (func (call $nobody)))\n", "2:15: unknown function $nobody",
             "  (func (call $nobody)))\n"),
            ("invalid.wat", b"(func (result i32)\n  i64.const 1\n)\n", "3:1: type mismatch", ")\n"),
            ("import.wat", b'(module\n (func)\n (import "m" "n" (func)))\n', "3:2: import after function",
             ' (import "m" "n" (func)))\n'),
            ("garbage.wat", b"garbage\n", "1:1: unexpected token", "garbage\n"),
        ]:
            path = self.file(name, data)
            for command in ("run", "validate", "inspect"):
                self.case([command, path], 1, f"error: {path}:{place}", line, lines=3)

    def host_traps(self):
        """A trap that a host function raises names it, at once and in a call that has parked."""
        for name, signature, arguments in [
            ("fd_write", "i32 i32 i32 i32", "1 0xfffffff0 1 0"),
            ("clock_time_get", "i32 i64 i32", "0 0 0xfffffff0"),
            ("path_unlink_file", "i32 i32 i32", "3 0xfffffff0 8"),
            ("fd_filestat_get", "i32 i32", "3 0xfffffff0"),
        ]:
            values = " ".join(f"({kind}.const {value})" for kind, value in zip(signature.split(), arguments.split()))
            path = self.file(f"{name}.wat", f"""(module
              (func $host (import "wasi_snapshot_preview1" "{name}") (param {signature}) (result i32))
              (memory (export "memory") 1) (func (export "_start") (drop (call $host {values}))))""".encode())
            self.case(["run", path], 1, f"trap: wasi_snapshot_preview1::{name}: out of bounds memory access\n")

    def memory(self):
        """The host's memory ends while a file is read: said in one line."""
        limit_bytes = 1 << 30
        with open(self.program, "rb") as program:
            if b"__asan_init" in (symbols := program.read()) or b"__tsan_init" in symbols:
                return  # Their shadow is larger than any limit.
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
        for name in ("large.wasm", "large.wat"):
            path = self.file(name, b"\0asm\1\0\0\0")
            os.truncate(path, 3 << 30)  # No block of the disk.
            for command in ("validate", "inspect"):
                self.case([command, path], 1, f"lunabeam: out of memory ({(3 << 30) + 1} bytes wanted)\n", lines=1,
                          preexec_fn=limit)

    def names(self):
        """Names of a hostile module: they split no line, steer no terminal, fill no log."""
        for name, shown in (("a\nb\x1b[31m\0c", "a\\x0ab\\x1b[31m\\x00c"), ("z" * 1_000_000, "zzz...")):
            path = self.file("names.wasm", importing_module(name))
            self.case(["run", path], 1, f"unknown import: `env::{shown[:3]}", shown, lines=1)
            done = self.run("inspect", path)
            self.failures.expect(shown in done.stdout and done.stdout.count("\n") == 4 and len(done.stdout) < 2000,
                                 f"inspect of hostile names: {done.stdout[:300]!r}")
            path = self.file("names.wasm", trapping_module(name))
            self.case(["run", path], 1, "trap: unreachable", f"#0 {shown[:3]}", f"{shown} [names.wasm+0x", lines=2)

    def truncated(self):
        """A file that ends at any byte: a valid module, or one line with the offset."""
        data = small_module()
        valid = 0
        for size in range(len(data)):
            path = self.file("truncated.wasm", data[:size])
            done = self.run("validate", path)
            valid += done.returncode == 0
            clear = (done.stderr == "" if done.returncode == 0 else
                     done.stderr.startswith(f"error: {path}: ") and " at offset 0x" in done.stderr
                     and done.stderr.count("\n") == 1)
            self.failures.expect(done.returncode in (0, 1) and clear,
                                 f"{size} bytes: status {done.returncode}: {done.stderr!r}")
        # A module may end after its header, after a section that nothing depends on, and before the name section.
        self.failures.expect(valid >= 3, f"only {valid} truncated modules are valid")

    def options(self):
        hello = str(self.guests / "hello.wasm")
        greeting = "hello, world, from process 1\n"
        for arguments in (["run", hello], [hello], ["run", "--dispatch=step", hello], ["run", hello, "--"],
                          ["run", "--deterministic", "--seed", "7", hello], ["run", "--env", "A=", hello]):
            self.case(arguments, 0, prints=greeting)
        self.case(["run", hello, "--seed"], 0, prints="hello, --seed, from process 1\n")
        for arguments, cause in [
            ([], "usage"),
            (["nonsense"], "no command 'nonsense'"),
            (["run"], "required"),
            (["run", "--nonsense", hello], "--nonsense"),
            (["run", "--seed", "3", hello], "--deterministic"),
            (["run", "--deterministic", "--seed", "-1", hello], "'-1'"),
            (["run", "--deterministic", "--seed", "1x", hello], "'1x'"),
            (["run", "--deterministic", "--seed", str(2**64), hello], str(2**64)),
            (["run", "--max-fuel", "-1", hello], "'-1'"),
            (["run", "--max-mailbox", "-1", hello], "'-1'"),
            (["run", "--max-memory", "1x", hello], "'1x'"),
            (["run", "--max-memory", "99999999999g", hello], "'99999999999g'"),
            (["run", "--workers", "0", hello], "--workers"),
            (["run", "--deterministic", "--workers", "2", hello], "--workers: --deterministic runs on one worker"),
            (["test", "--workers=2", "--deterministic", hello], "--workers: --deterministic runs on one worker"),
            (["init", "--nonsense"], "usage: lunabeam init"),
            (["run", "--dispatch", "slow", hello], "slow"),
            (["run", "--env", "KEY", hello], "KEY=VALUE"),
            (["run", "--env", "=value", hello], "KEY=VALUE"),
            (["inspect"], "required"),
            (["validate"], "required"),
        ]:
            self.case(arguments, 2, cause)
        for arguments in (["--deterministic", "--workers", "1"], ["--max-memory", "0", "--max-stack", "0"]):
            self.case(["run", *arguments, hello], 0, prints=greeting)
        everywhere = {**os.environ, "LUNABEAM_WORKERS": "3"}
        self.case(["run", "--deterministic", hello], 0, prints=greeting, env=everywhere)
        for command in ("run", "test", "init", "validate", "inspect"):
            for flag in ("--help", "-h"):
                done = self.run(command, flag)
                self.failures.expect(done.returncode == 0 and f"sage: lunabeam {command}" in done.stdout and not done.stderr,
                                     f"{command} {flag}: status {done.returncode}: {done.stdout[:300]!r} {done.stderr[:300]!r}")

    def limits(self):
        """Who meets a limit is told the option that sets it, for the root process and for others."""
        hello, fib, depth, crowd = (str(self.guests / f"{name}.wasm") for name in ("hello", "kernel_fib", "depth", "crowd"))
        root = f"error: {fib}: trap: all fuel consumed by WebAssembly (limit: --max-fuel)\n"
        self.case(["run", "--max-fuel", "1", fib], 1, root)
        self.case(["run", "--max-memory", "1", hello], 1, "resource limit exceeded: ", " (limit: --max-memory)\n", lines=1)
        self.case(["run", "--memory-limit", "1", hello], 1, "resource limit exceeded: ",
                  " (limits: --max-memory, --memory-limit)\n", lines=1)
        self.case(["run", "--max-mailbox", "1", crowd, "100"], 1, "mailbox full (limit: --max-mailbox)\n", lines=1)
        stack = " failed: trap: call stack exhausted (limit{}) (1 linked)\n"
        self.case(["run", "--max-stack", "64k", depth, "200000"], 0, stack.format(": --max-stack"))
        self.case(["run", "--max-stack", "64k", "--memory-limit", "1g", depth, "200000"], 0,
                  stack.format("s: --max-stack, --memory-limit"))

    def crates(self):
        """`lunabeam init` completes a configuration, once; one that it does not understand stays as it is."""
        self.case(["init"], 1, "Cargo.toml: not found", lines=1, cwd=self.folder)
        crate = self.folder / "crate"
        (crate / ".cargo").mkdir(parents=True)
        (crate / "Cargo.toml").write_text("[package]\n", encoding="ascii")
        config = crate / ".cargo" / "config.toml"
        for broken in ("[build\njobs = 2\n", "[alias]\nb = \"build\n", "<<<<<<< HEAD\n[build]\n"):
            config.write_text(broken, encoding="ascii")
            self.case(["init"], 1, "config.toml: line ", "the file stays as it is", lines=1, cwd=crate)
            self.failures.expect(config.read_text(encoding="ascii") == broken, f"init changed {broken!r}")
        config.write_text("[build]\njobs = 2\n", encoding="ascii")
        self.case(["init"], 0, prints="Cargo project initialized!\n", cwd=crate)
        self.case(["init"], 0, prints="Cargo project is initialized already\n", cwd=crate)

    def streams(self):
        streams = str(self.guests / "streams.wasm")
        probe = ["run", streams, "probe"]
        self.case(probe, 0, "read 0, write 1\n", prints="!")
        # Closed by the caller: closed for the guest, not a file of the VM.
        self.case(probe, 0, "read -1 EBADF, write 1\n", preexec_fn=lambda: os.close(0))
        self.case(probe, 0, "read 0, write -1 EBADF\n", preexec_fn=lambda: os.close(1))
        # A reader that has gone away is the guest's error, not the end of the VM.
        reader, writer = os.pipe()
        os.close(reader)
        self.case(probe, 0, "read 0, write -1 EPIPE\n", stdout=writer)
        os.close(writer)
        with open("/dev/full", "wb") as full:
            self.case(["inspect", streams], 1, "standard output", stdout=full)
        line = "y" * 29_999 + "\n"
        self.case(["run", streams, "line"], 0, prints=line)
        self.case(["run", "--deterministic", streams, "line"], 0, prints=line)
        with open(self.folder / "line.txt", "w+", encoding="ascii") as file:
            self.case(["run", streams, "line"], 0, stdout=file)
            file.seek(0)
            self.failures.expect(file.read() == line, "line to a file: other bytes")
        # A pipe that nobody empties delays who writes to it, and nobody else.
        reader, writer = os.pipe()
        try:
            self.case(["run", streams, "flood"], 0, "the root slept well\n", stdout=writer)
        except subprocess.TimeoutExpired:
            self.failures.append("flood: a full pipe holds every process")
        os.close(reader)
        os.close(writer)

    def figures(self):
        """Figures for a person at the end and on SIGUSR1, which stops nothing."""
        crowd = str(self.guests / "crowd.wasm")
        self.case(["run", "--workers", "3", "--stats", crowd, "50"], 0, "processes spawned", "worker ", "\n2 ", "resident",
                  prints=None)
        running = subprocess.Popen([self.program, "run", "--workers", "2", crowd, "50", "2000"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        await_blocked_signal(running, threads=2)  # The second one prints.
        running.send_signal(signal.SIGUSR1)
        _, errors = running.communicate(timeout=TIMEOUT_S)
        self.failures.expect(running.returncode == 0, f"SIGUSR1: status {running.returncode}")
        for wanted in ("(running)", "processes alive", "\n1 ", "memory charged"):
            self.failures.expect(wanted in errors, f"SIGUSR1: no {wanted!r} in {errors[:500]!r}")
        # Nor before there is a VM.
        pipe = self.folder / "module.fifo"
        os.mkfifo(pipe)
        loading = subprocess.Popen([self.program, "run", str(pipe)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        await_blocked_signal(loading, threads=1)
        loading.send_signal(signal.SIGUSR1)
        if loading.poll() is None:
            pipe.write_bytes(small_module())
        loading.communicate(timeout=TIMEOUT_S)
        self.failures.expect(loading.returncode == 0, f"SIGUSR1 while loading: status {loading.returncode}")
        self.count += 2


def main():
    program, guests = sys.argv[1], Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        cases = Cases(program, guests, Path(folder))
        for part in (cases.files, cases.names, cases.sources, cases.host_traps, cases.memory, cases.truncated,
                     cases.options, cases.limits, cases.crates, cases.streams, cases.figures):
            part()
    for failure in cases.failures:
        print(failure)
    print(f"{cases.count} runs, {len(cases.failures)} failures")
    return 1 if cases.failures or cases.count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
