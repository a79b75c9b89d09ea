#!/usr/bin/env python3
"""Guests that use files: what works, and that nothing leads out of a preopened folder.

    files.py PROGRAM GUESTS WHAT [--hide-openat2] [-- OPTIONS OF lunabeam run]

WHAT: files (calls that the official tests leave out), options (of the command line), escape (every path out that we can think of), race (the same while links and
directories are exchanged), moves (out of folders and over links that the guest moves itself), descriptors (a thousand processes die with files in every state).

Calls that change anything are only ever made on paths that lead into the scratch folder, inside or outside of the preopened part of it:
a VM that fails a test must not be able to harm the machine that it fails on.
"""

import argparse
import ctypes
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from hide_openat2 import hide_openat2

TIME_LIMIT_S = 120
RENAME_EXCHANGE = 2


class Run:
    def __init__(self, arguments, scratch):
        self.arguments, self.scratch = arguments, scratch
        self.root = scratch / "root"
        self.root.mkdir()

    def guest(self, name, *words, folders=(), cwd=None):
        command = [str(Path(self.arguments.program).resolve()), "run", "--no-default-dir", "--dir", f"{self.root}::/"]
        for folder in folders:
            command += ["--dir", folder]
        module = Path(self.arguments.guests).resolve() / f"wasi_{name}.wasm"
        command += [*self.arguments.options, str(module), *words]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIME_LIMIT_S,
                              cwd=cwd or self.scratch,
                              preexec_fn=hide_openat2 if self.arguments.hide_openat2 else None)

    def expect_ok(self, done):
        return [] if done.returncode == 0 and done.stdout == "ok\n" else [
            f"status {done.returncode}, printed {done.stdout[-500:]!r}, {done.stderr[-1500:]!r}"]

    # --- what works ---

    def options(self):
        """--dir and --no-default-dir: what is preopened, and what a person can get wrong."""
        program, problems = str(Path(self.arguments.program).resolve()), []
        module = str(Path(self.arguments.guests).resolve() / "wasi_preopens.wasm")
        (self.root / "one").mkdir()
        for options, status, stdout, stderr in [
            ([], 0, ". 3\n", ""),
            (["--no-default-dir"], 0, "", ""),
            (["--dir", "one"], 0, ". 3\none 4\n", ""),
            (["--no-default-dir", "--dir", "one::/data", "--dir", "one/../one::x::y"], 0, "/data 3\nx::y 4\n", ""),
            (["--dir", "absent"], 1, "", "absent: No such file or directory"),
            (["--dir", module], 1, "", "Not a directory"),
            (["--dir", ""], 2, "", "HOST"),
            (["--dir", "::x"], 2, "", "HOST::GUEST"),
            (["--dir", "one::"], 2, "", "HOST::GUEST"),
        ]:
            done = subprocess.run([program, "run", *options, module], stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=TIME_LIMIT_S, cwd=self.root)
            if done.returncode != status or done.stdout != stdout or stderr not in done.stderr:
                problems.append(f"{options}: status {done.returncode}, printed {done.stdout!r}, {done.stderr[-300:]!r}")
        return problems

    def files(self):
        os.mkfifo(self.root / "pipe")
        # Held open for both directions, so that the guest's reads wait instead of ending.
        pipe = os.open(self.root / "pipe", os.O_RDWR | os.O_NONBLOCK)
        # The guest comes to the FIFO last; it has waited for a while when it gets its answer.
        answer = threading.Timer(0.2, lambda: os.write(pipe, b"there"))
        answer.start()
        try:
            return self.expect_ok(self.guest("files", str(self.root)))
        finally:
            answer.cancel()
            os.close(pipe)

    def descriptors(self):
        os.mkfifo(self.root / "pipe")
        pipe = os.open(self.root / "pipe", os.O_RDWR | os.O_NONBLOCK)
        try:
            return self.expect_ok(self.guest("descriptors", "1000", folders=["/proc"]))
        finally:
            os.close(pipe)

    # --- ways out ---

    def make_outside(self):
        outside = self.scratch / "outside"
        (outside / "folder").mkdir(parents=True)
        (outside / "secret.txt").write_text("secret", encoding="ascii")
        (outside / "only-outside").write_text("secret", encoding="ascii")
        (outside / "folder" / "file").write_text("secret", encoding="ascii")
        return outside

    @staticmethod
    def state_of(folder):
        """Everything about a tree that a guest could change."""
        state = []
        for path, folders, files in os.walk(folder):
            for name in [".", *sorted(folders), *sorted(files)]:
                status = os.lstat(os.path.join(path, name))
                state.append((path, name, status.st_mode, status.st_nlink, status.st_size, status.st_mtime_ns))
        return sorted(state)

    def escape(self):
        outside = self.make_outside()
        (self.root / "dir" / "deep").mkdir(parents=True)
        (self.root / "inside").write_text("inside", encoding="ascii")
        links = {
            "absolute": str(outside), "relative": "../outside", "dir/upwards": "../../outside",
            "dir/deep/far": "../../../outside", "chain": "chain2", "chain2": "dir/chain3", "dir/chain3": "../absolute",
            "file": "../outside/secret.txt", "absolute-file": str(outside / "secret.txt"), "up": "..",
            "dots": "dir/../../outside", "slashes": "..///outside//.",
            "magic": f"/proc/self/root{outside}", "cwd": "/proc/self/cwd", "dangling": "../outside/new", "top": "/",
        }
        for name, target in links.items():
            (self.root / name).symlink_to(target)
        # Where a VM fails this test, the guest has its way with these: all of them lead into the scratch folder, so that a failure
        # costs nothing else.
        paths = ["../outside", "../outside/secret.txt", "dir/../../outside/secret.txt", "./../outside",
                 "dir/deep/../../../outside/secret.txt", str(outside), f"{outside}/secret.txt", f"/{outside}", f"{outside}/new",
                 "../root/inside", "../new", "up/outside/secret.txt", "up/root/inside", f"top{outside}/secret.txt", "dangling",
                 "file", "file/", "absolute-file"]
        for link in ("absolute", "relative", "dir/upwards", "dir/deep/far", "chain", "dots", "slashes", "magic", "cwd"):
            # A name with a folder in front is not the name of the link to the guest's calls about links.
            paths += [f"{link}/", f"{link}/.", f"{link}/secret.txt", f"{link}/folder", f"{link}/new",
                      f"{link}/folder/../secret.txt"]
            if "/" not in link:
                paths.append(link)
        before = self.state_of(outside)
        problems = self.judge(self.guest("escape", "paths", *paths, cwd=outside))
        if self.state_of(outside) != before:
            problems.append("the tree outside has changed")
        if (self.root / "stolen").exists():
            problems.append("something was stolen")
        if problems:
            return problems  # The scratch folder may be in pieces.
        # What is not ours is only looked at.
        look = ["..", "../", "dir/../..", "dir/deep/../../..", "up", "up/", "/", "//", "top", "top/", "top/etc/passwd",
                "/etc/passwd", "magic/../../etc", "cwd/.."]
        problems += self.judge(self.guest("escape", "follow", *look, cwd=outside))
        # Magic links, which lead anywhere, in the real /proc.
        magic = ["self/root/etc/passwd", "self/cwd/secret.txt", "self/root/", "self/cwd/", "self/fd/0/",
                 "thread-self/root/etc", "self/fd/3/inside", "self/exe", "self/root", "self/cwd", "self/fd/0", "self/fd/1",
                 "self/task/../root/etc"]
        self.root = Path("/proc")
        return problems + self.judge(self.guest("escape", "follow", *magic, cwd=outside))

    def moves(self):
        outside = self.make_outside()
        (self.root / "m" / "a" / "deep" / "here").mkdir(parents=True)
        (self.root / "inside").write_text("inside", encoding="ascii")
        (self.root / "m" / "kept").write_text("kept", encoding="ascii")
        before = self.state_of(outside)
        problems = self.judge(self.guest("escape", "moves", cwd=outside))
        if self.state_of(outside) != before:
            problems.append("the tree outside has changed")
        if (self.root / "m" / "kept").read_text(encoding="ascii") != "kept":
            problems.append("a file that may only be read has changed")
        for name in ("made", "stolen"):
            if (self.scratch / name).exists() or (self.root / name).exists():
                problems.append(f"{name}: made")
        return problems

    def judge(self, done):
        problems = [f"escaped: {line}" for line in done.stdout.splitlines()]
        if done.returncode != 0:
            problems.append(f"status {done.returncode}: {done.stderr[-1500:]!r}")
        return problems

    def race(self):
        outside = self.make_outside()
        for name in ("moving/deep", "own/swap", "swap"):
            (self.root / name).mkdir(parents=True)
        for name in ("swap", "own/swap", "moving", "."):
            (self.root / name / "secret.txt").write_text("inside", encoding="ascii")
        (self.root / "swap-link").symlink_to(outside)
        (outside / "deep").mkdir()
        before = self.state_of(outside / "folder")
        libc = ctypes.CDLL(None, use_errno=True)
        stop = threading.Event()

        def exchange(first, second):
            first, second = os.fsencode(first), os.fsencode(second)
            while not stop.is_set():
                libc.renameat2(-100, first, -100, second, RENAME_EXCHANGE)

        # `swap` is a directory or a link out; `moving/deep`, seen through a descriptor that is inside of it, is here or outside.
        threads = [threading.Thread(target=exchange, args=pair) for pair in [
            (self.root / "swap", self.root / "swap-link"), (self.root / "moving" / "deep", outside / "deep")]]
        for thread in threads:
            thread.start()
        try:
            done = self.guest("escape", "race", "3000")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        problems = self.judge(done)
        inside = int(done.stderr.split(" looks, ")[1].split()[0]) if " looks, " in done.stderr else 0
        if inside == 0:
            problems.append(f"never came to read what is inside: the race shows nothing: {done.stderr!r}")
        for name in ("secret.txt", "only-outside"):
            if not (outside / name).exists() or (outside / name).read_text(encoding="ascii") != "secret":
                problems.append(f"{name}: changed")
            elif os.stat(outside / name).st_nlink != 1:
                problems.append(f"{name}: linked")
        if self.state_of(outside / "folder") != before:
            problems.append("the tree outside has changed")
        print(done.stderr.strip())
        return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("guests")
    parser.add_argument("what", choices=["files", "options", "escape", "moves", "race", "descriptors"])
    parser.add_argument("--hide-openat2", action="store_true")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    arguments = parser.parse_args(sys.argv[1:end])
    arguments.options = sys.argv[end + 1:]
    with tempfile.TemporaryDirectory(prefix="wasi-") as scratch:
        problems = getattr(Run(arguments, Path(scratch)), arguments.what)()
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
