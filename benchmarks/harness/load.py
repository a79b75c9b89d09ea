"""Load path: how fast engines read, check and translate a large module, and how soon a small one's first instruction runs.

Rates are per second of processor time, which others on the machine disturb least; the start is time that passes.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import time
from typing import NamedTuple

from . import CACHE, ROOT, guests, real_module, wasm3, wasmtime
from .timing import RunError

_SOURCES = ROOT / "benchmarks" / "load"

# Baseline code, all of it at once, on one thread: what comes closest to a translation.
_NODE_BASELINE = ["--no-warnings", "--single-threaded", "--liftoff-only", "--no-wasm-lazy-compilation", "--no-wasm-tier-up"]
_WASMTIME_BASELINE = ["-C", "compiler=winch,parallel-compilation=n,cache=n"]

ENGINES = ["lunabeam", "wasm3", "node", "wasmtime"]


class Row(NamedTuple):
    """One line of the table."""
    label: str
    unit: str
    goal: float | None
    is_rate: bool       # Rates want to be high, times low.
    values: dict        # {engine: figure}


def _output(command, environment=None):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    if done.returncode != 0:
        raise RunError(f"{' '.join(map(str, command))}: status {done.returncode}\n{(done.stdout + done.stderr).strip()[-2000:]}")
    return done.stdout


def _lunabeam_rates(micro, module, rounds):
    """{figure: [MB/s]}; one round after the other in the process, as in node's."""
    results = CACHE / "load" / "micro.json"
    names = {"BM_DecodeNamedModule": "decode", "BM_LoadNamedModule": "validate", "translate/all": "translate"}
    _output([str(micro), f"--benchmark_filter=^({'|'.join(names)})$", "--benchmark_min_time=0.001",
             f"--benchmark_repetitions={rounds}", f"--benchmark_out={results}"], {"LUNABEAM_LOAD_MODULE": str(module)})
    found = {}
    for row in json.loads(results.read_text())["benchmarks"]:
        if row["run_type"] == "iteration":
            found.setdefault(names[row["run_name"]], []).append(row["bytes_per_second"] / 1e6)
    return found


def _times(text):
    found = {}
    for name, value in re.findall(r"^(\w+): (\d+) ns$", text, re.MULTILINE):
        found.setdefault(name, []).append(int(value) / 1e9)
    return found


def code_bytes(module):
    """Size of the bodies of a module's functions."""
    data, at = module.read_bytes(), 8

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        section = data[at]
        at += 1
        size = number()
        if section == 10:
            return size
        at += size
    return 0


def rates(micro, runs):
    """The rows of the large module, or None with why there are none."""
    module, missing = real_module.path()
    if missing:
        return None, missing
    size, code = module.stat().st_size / 1e6, code_bytes(module) / 1e6
    print(f"{module.name} of {real_module.PACKAGE} {real_module.VERSION}: {size:.1f} MB, {code:.1f} MB of it code")
    found = {}

    def add(engine, figure, values):
        found.setdefault((engine, figure), []).extend(values)

    for _ in range(runs):
        for figure, values in _lunabeam_rates(micro, module, 3).items():
            add("lunabeam", figure, values)
        program, missing = wasm3.build()
        if program:
            times = _times(_output([str(program), "--load", str(module)]))
            add("wasm3", "decode", [size / t for t in times["parse"]])
            add("wasm3", "translate", [code / t for t in times["compile"]])
        node = shutil.which("node")
        if node:
            times = _times(_output([node, *_NODE_BASELINE, str(_SOURCES / "node_load.js"), str(module), "1"]))
            add("node", "validate", [size / t for t in times["validate"]])
            add("node", "translate", [code / t for t in times["compile"]])
    program, missing = wasmtime.program()
    if program:  # Once: it takes seconds.
        before = os.times()
        _output([str(program), "compile", *_WASMTIME_BASELINE, "-o", str(CACHE / "load" / "out.cwasm"), str(module)])
        after = os.times()
        seconds = after.children_user - before.children_user
        add("wasmtime", "translate", [code / seconds])

    def row(label, figure, goal):
        return Row(label, "MB/s", goal, True, {engine: statistics.median(found[engine, figure]) for engine in ENGINES
                                             if (engine, figure) in found})

    return [row("decode", "decode", None), row("decode + validate", "validate", 150.0),
            row("translate (of code)", "translate", 80.0)], None


def _until_first_byte(command):
    """Seconds from the making of a process to the first byte it writes."""
    read_end, write_end = os.pipe()
    begin = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ,
                           file_actions=[(os.POSIX_SPAWN_DUP2, write_end, 1), (os.POSIX_SPAWN_CLOSE, read_end)])
    os.close(write_end)
    got = os.read(read_end, 1)
    seconds = time.perf_counter() - begin
    os.close(read_end)
    _, status = os.waitpid(child, 0)
    if got != b"." or status != 0:
        raise RunError(f"{' '.join(command)}: wrote {got!r}, status {os.waitstatus_to_exitcode(status)}")
    return seconds


def _native():
    """A C program that does the same, as a floor: what the system takes to start anything. None: no compiler."""
    program = CACHE / "load" / "native"
    source = _SOURCES / "native.c"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        compiler = shutil.which("clang-22") or shutil.which("cc")
        if not compiler:
            return None
        _output([compiler, "-O2", str(source), "-o", str(program)])
    return program


def start(lunabeam, runs):
    """The rows of the small module."""
    module = str(guests.start())
    commands = {"lunabeam": [str(lunabeam), "run", module]}
    program, _ = wasm3.build()
    if program:
        commands["wasm3"] = [str(program), module]
    if node := shutil.which("node"):
        commands["node"] = [node, "--no-warnings", str(_SOURCES / "node_run.js"), module]
    program, _ = wasmtime.program()
    if program:
        commands["wasmtime"] = [str(program), "run", "-C", "cache=n", module]
    if native := _native():
        commands["native"] = [str(native)]
    times = {engine: [] for engine in commands}
    for _ in range(runs):
        for engine, command in commands.items():
            times[engine].append(_until_first_byte(command))
    size = f"{os.stat(module).st_size / 1000:.0f} KB"
    return [Row(f"start to first instruction, {size}", "ms", 3.0, False,
                {engine: statistics.median(of) * 1e3 for engine, of in times.items()}),
            Row("  the fastest of them", "ms", None, False, {engine: min(of) * 1e3 for engine, of in times.items()})]


def table(rows):
    """Prints the rows and returns how many goals are missed. A ratio above 1 means that lunabeam is faster."""
    print(f"{'medians':<38}" + "".join(f"{engine:>10}{'ratio':>8}" if engine != "lunabeam" else f"{engine:>10}"
                                       for engine in ENGINES) + "  goal")
    missed = 0
    for row in rows:
        ours = row.values["lunabeam"]
        line = f"{row.label + ', ' + row.unit:<38}{ours:10.1f}"
        for engine in ENGINES[1:]:
            theirs = row.values.get(engine)
            if theirs is None:
                line += f"{'-':>10}{'':>8}"
            else:
                line += f"{theirs:10.1f}{ours / theirs if row.is_rate else theirs / ours:8.2f}"
        if row.goal is not None:
            kept = ours >= row.goal if row.is_rate else ours < row.goal
            line += f"  {'>=' if row.is_rate else '<'} {row.goal:g} {row.unit}: {'kept' if kept else 'MISSED'}"
            missed += not kept
        print(line)
    native = ", ".join(f"{row.values['native']:.1f} ms" for row in rows if "native" in row.values)
    if native:
        print(f"a C program that writes a byte, median and fastest: {native}")
    return missed
