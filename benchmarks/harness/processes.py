"""Process benchmarks: C guests on lunabeam, beside the same programs in Erlang; and what is promised of each."""

import shutil
import statistics
import subprocess
from typing import NamedTuple

from . import CACHE, ROOT, guests
from .timing import RunError


class Row(NamedTuple):
    """One line of the table: a C guest, the same work in Erlang, and what is promised of the two."""
    label: str
    guest: str         # examples/c or benchmarks/processes
    arguments: list
    figure: str        # The line "FIGURE: N ns" that both programs print.
    workers: int = 1   # Of lunabeam, and schedulers of Erlang.
    at_most_us: float | None = None
    against: str = "faster"  # faster (than Erlang), not slower (10 % are noise), or none
    erlang: str = ""         # Where the Erlang program has another name, and takes no first argument.


ROWS = [
    Row("spawn + exit, waited", "spawn_exit", [200_000], "spawn and exit", at_most_us=1.5),
    Row("ping-pong, round trip", "ping_pong", [500_000], "round trip", at_most_us=0.5),
    Row("ping-pong, round trip", "ping_pong", [500_000], "round trip", workers=2, against="not slower"),
    Row("ring of 1,000, 1 token, hop", "ring", [1000, 1000, 1], "hop"),
    Row("ring of 1,000, 100 tokens, hop", "ring", [1000, 20, 100], "hop"),
    Row("ring of 1,000, 1 token, hop", "ring", [1000, 1000, 1], "hop", workers=2),
    Row("ring of 1,000, 100 tokens, hop", "ring", [1000, 20, 100], "hop", workers=2),
    Row("ring of 100,000, 1 token, hop", "ring", [100_000, 5, 1], "hop", against="none"),
    Row("skynet, 1,000,000 leaves, process", "skynet", [1_000_000], "process"),
    Row("skynet, 1,000,000 leaves, process", "skynet", [1_000_000], "process", workers=2),
    Row("fan-in, 1,000 to 1, message", "fan_in", [1000, 1000], "message"),
    Row("fan-in, 1,000 to 1, message", "fan_in", [1000, 1000], "message", workers=2),
    Row("request and reply (gen_server:call)", "request", [300_000], "request"),
    Row("timer, set + cancel", "timers", [500_000], "set and cancel"),
    Row("death told to 100,000 monitors, each", "monitors", [100_000], "watcher"),
    Row("ping beside 2 loops, p50", "beside", ["ping", 2, 20_000], "p50", against="none", erlang="ping_beside"),
    Row("ping beside 2 loops, p99", "beside", ["ping", 2, 20_000], "p99", against="none", erlang="ping_beside"),
    Row("ping beside 2 loops, p99.9", "beside", ["ping", 2, 20_000], "p99.9", against="not slower",
        erlang="ping_beside"),
    Row("sleep 1 ms beside 2 loops, late, p50", "beside", ["sleep", 2, 2000], "p50", against="not slower",
        erlang="sleep_beside"),
    Row("sleep 1 ms beside 2 loops, late, p99", "beside", ["sleep", 2, 2000], "p99", against="not slower",
        erlang="sleep_beside"),
    Row("sleep 1 ms beside 2 loops, late, p99.9", "beside", ["sleep", 2, 2000], "p99.9", against="not slower",
        erlang="sleep_beside"),
]


def _figures(command, timeout_s=300):
    """{name: nanoseconds} that a program prints about itself."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise RunError(f"{' '.join(command)}: still runs after {timeout_s} s") from None
    if done.returncode != 0:
        raise RunError(f"{' '.join(command)}: status {done.returncode}\n{(done.stdout + done.stderr).strip()[-2000:]}")
    found = {}
    for line in done.stdout.splitlines():
        name, _, value = line.rpartition(": ")
        if name and value.endswith(" ns"):
            found[name] = int(value[:-3])
    return found


def _erlang():
    """(command up to the benchmark's name, None), or (None, why there is none)."""
    if not shutil.which("erlc") or not shutil.which("erl"):
        return None, "Erlang is not installed (Debian: erlang-base)"
    folder = CACHE / "erlang"
    folder.mkdir(parents=True, exist_ok=True)
    source = ROOT / "benchmarks" / "erlang" / "processes.erl"
    done = subprocess.run(["erlc", "-o", str(folder), str(source)], capture_output=True, text=True)
    if done.returncode != 0:
        return None, f"{source.name} does not compile:\n{done.stdout}{done.stderr}"
    return ["erl", "-noshell", "-noinput", "-pa", str(folder), "-run", "processes", "main"], None


def _module(guest):
    for folder in ("examples/c", "benchmarks/processes"):
        source = ROOT / folder / f"{guest}.c"
        if source.exists():
            return guests.small(source)
    raise RunError(f"there is no guest {guest}")


def _on_lunabeam(lunabeam, row, vm_args):
    return [str(lunabeam), "run", f"--workers={row.workers}", *vm_args, str(_module(row.guest)),
            *map(str, row.arguments), "--time"]


def _on_erlang(erlang, row):
    name, arguments = (row.erlang, row.arguments[1:]) if row.erlang else (row.guest, row.arguments)
    return [erlang[0], "+S", f"{row.workers}:{row.workers}", "+P", "4000000", *erlang[1:], name, *map(str, arguments)]


def measure(lunabeam, runs=5, vm_args=(), only=""):
    """[(row, {engine: median nanoseconds})]; the engines take turns. Prints which of them is missing. `only`: rows whose label or
    guest contains it."""
    engines = {}
    if lunabeam:
        engines["lunabeam"] = lambda row: _on_lunabeam(lunabeam, row, vm_args)
    erlang, missing = _erlang()
    if erlang:
        engines["erlang"] = lambda row: _on_erlang(erlang, row)
    else:
        print(f"no Erlang to compare with: {missing}")
    seen, rows = {}, []  # Rows that differ in the figure only share their runs.
    for row in ROWS:
        if only not in row.label and only != row.guest:
            continue
        key = (row.guest, str(row.arguments), row.workers)
        if key not in seen:
            times = {engine: [] for engine in engines}
            for _ in range(runs):
                for engine, command in engines.items():
                    times[engine].append(_figures(command(row)))
            seen[key] = times
        rows.append((row, {engine: statistics.median(run[row.figure] for run in values)
                           for engine, values in seen[key].items()}))
    return rows


def _verdicts(row, times):
    """Whether each promise of the row is kept: [(text, kept)]."""
    ours, theirs = times.get("lunabeam"), times.get("erlang")
    if ours is None:
        return []
    found = []
    if row.at_most_us is not None:
        found.append((f"<= {row.at_most_us} us", ours <= row.at_most_us * 1000))
    if theirs is not None and row.against != "none":
        found.append((row.against, ours < theirs if row.against == "faster" else ours <= theirs * 1.1))
    return found


def table(rows):
    """Prints the rows and returns how many promises are missed; a ratio above 1 means that lunabeam is faster."""
    engines = list(rows[0][1])
    print(f"{'median, us':<40}{'cores':>5}" + "".join(f"{engine:>10}" for engine in engines)
          + (f"{'ratio':>8}" if len(engines) == 2 else "") + "  goal")
    missed = 0
    for row, times in rows:
        line = f"{row.label:<40}{row.workers:>5}" + "".join(f"{times[engine] / 1000:10.3f}" for engine in engines)
        if len(engines) == 2:
            line += f"{times['erlang'] / max(times['lunabeam'], 1):8.2f}"
        verdicts = _verdicts(row, times)
        missed += sum(not kept for _, kept in verdicts)
        print(line + "  " + ", ".join(f"{text}: {'kept' if kept else 'MISSED'}" for text, kept in verdicts))
    return missed
