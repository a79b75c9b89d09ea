"""Process benchmarks: the C guests of examples/c on lunabeam, beside the same programs in Erlang."""

import shutil
import statistics
import subprocess

from . import CACHE, ROOT, guests
from .timing import RunError

WORK = [
    # guest, arguments, figure, what it is called in the table
    ("spawn_exit", ["100000"], "spawn and exit", "spawn + exit, waited"),
    ("ping_pong", ["200000"], "round trip", "ping-pong, round trip"),
    ("ring", ["1000", "200"], "hop", "ring of 1,000, hop"),
    ("ring", ["100000", "2"], "hop", "ring of 100,000, hop"),
    ("skynet", ["100000"], "process", "skynet, 100,000 leaves, process"),
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
    return ["erl", "+S", "1:1", "-noshell", "-noinput", "-pa", str(folder), "-run", "processes", "main"], None


def measure(lunabeam, runs=5, vm_args=()):
    """[(label, {engine: median nanoseconds})]; the engines take turns. Prints which of them is missing."""
    engines = {}
    if lunabeam:
        def on_lunabeam(guest, arguments):
            module = guests.small(ROOT / "examples" / "c" / f"{guest}.c")
            return [str(lunabeam), "run", *vm_args, str(module), *arguments, "--time"]
        engines["lunabeam"] = on_lunabeam
    erlang, missing = _erlang()
    if erlang:
        engines["erlang"] = lambda guest, arguments: [*erlang, guest, *arguments]
    else:
        print(f"no Erlang to compare with: {missing}")
    rows = []
    for guest, arguments, figure, label in WORK:
        times = {engine: [] for engine in engines}
        for _ in range(runs):
            for engine, command in engines.items():
                times[engine].append(_figures(command(guest, arguments))[figure])
        rows.append((label, {engine: statistics.median(values) for engine, values in times.items()}))
    return rows


def table(rows):
    """Prints the rows; a ratio above 1 means that lunabeam is faster."""
    engines = list(rows[0][1])
    print(f"{'median, us':<34}" + "".join(f"{engine:>12}" for engine in engines)
          + (f"{'ratio':>8}" if len(engines) == 2 else ""))
    for label, times in rows:
        line = f"{label:<34}" + "".join(f"{times[engine] / 1000:12.3f}" for engine in engines)
        if len(engines) == 2:
            line += f"{times['erlang'] / times['lunabeam']:8.2f}"
        print(line)
