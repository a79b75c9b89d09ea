#!/usr/bin/env python3
"""The kernels on lunabeam and on wasm3, in turns.

    benchmarks/compare_wasm3.py [build/release/bin/lunabeam] [--runs N] [--kernels fib,json] [--vm-arg=--dispatch=step]

Figures are CPU seconds (user + system) of the whole process: the minimum of N runs, less the minimum of the same module
doing no round of work (start-up: loading, and translation of what that needs). Runs alternate between the two engines,
so both meet the same machine. Without a lunabeam program it times wasm3 alone.
"""

import argparse
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import ROOT, guests, timing, wasm3  # noqa: E402


def measure(engines, names, runs):
    """{(engine, kernel): (work seconds, start-up seconds)}, every result checked against the other engine's."""
    best = {}
    for name in names:
        module = str(guests.kernel(name))
        for _ in range(runs):
            said = {}
            for engine, command in engines.items():
                for rounds in ([], ["0"]):
                    seconds, text = timing.cpu_seconds([*command, module, *rounds])
                    key = (engine, name, bool(rounds))
                    best[key] = min(seconds, best.get(key, math.inf))
                    if not rounds:
                        said[engine] = text
            if len(set(said.values())) != 1:
                raise timing.RunError(f"{name}: the engines disagree: {said}")
    return {(engine, name): (best[engine, name, False] - best[engine, name, True], best[engine, name, True])
            for engine in engines for name in names}


def table(results, engines, names, out=sys.stdout):
    """Prints the table and returns the geometric mean of wasm3's time over ours, or None without both."""
    both = len(engines) == 2
    print(f"{'kernel':<11}" + "".join(f"{engine + ' ms':>14}" for engine in engines) + (f"{'ratio':>8}" if both else ""),
          file=out)
    logs = []
    for name in names:
        line = f"{name:<11}" + "".join(f"{results[engine, name][0] * 1e3:14.1f}" for engine in engines)
        if both:
            ratio = results["wasm3", name][0] / results["lunabeam", name][0]
            logs.append(math.log(ratio))
            line += f"{ratio:8.2f}"
        print(line, file=out)
    starts = {engine: min(results[engine, name][1] for name in names) for engine in engines}
    print(f"{'start-up':<11}" + "".join(f"{starts[engine] * 1e3:14.1f}" for engine in engines), file=out)
    if not both:
        return None
    mean = math.exp(sum(logs) / len(logs))
    print(f"{'geomean':<11}{'':28}{mean:8.2f}   (times as fast as wasm3)", file=out)
    return mean


def measure_simd(lunabeam, runs=5, vm_args=(), names=None):
    """Measures the kernels that wasm3 cannot run, and prints."""
    names = names or guests.SIMD_KERNELS
    engines = {"lunabeam": [str(lunabeam), "run", *vm_args]}
    table(measure(engines, names, runs), engines, names)


def compare(lunabeam, names=None, runs=5, vm_args=()):
    """Measures and prints; returns the geometric mean, or None when one side is missing (and says which)."""
    names = names or guests.KERNELS
    engines = {}
    baseline, missing = wasm3.build()
    if baseline:
        engines["wasm3"] = [str(baseline)]
    else:
        print(f"no wasm3 to compare with: {missing}")
    if lunabeam:
        engines["lunabeam"] = [str(lunabeam), "run", *vm_args]
    return table(measure(engines, names, runs), engines, names) if engines else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lunabeam", nargs="?", type=Path, help="the VM to measure")
    parser.add_argument("--runs", type=int, default=5, help="runs per kernel and engine (default 5)")
    parser.add_argument("--kernels", default="", help="comma-separated names (default: all)")
    parser.add_argument("--vm-arg", action="append", default=[], help="an option for `lunabeam run`")
    parser.add_argument("--min-ratio", type=float, help="fail when the geometric mean is below this")
    options = parser.parse_args()
    if options.lunabeam is None and (ROOT / "build/release/bin/lunabeam").exists():
        options.lunabeam = ROOT / "build/release/bin/lunabeam"
    names = [name for name in options.kernels.split(",") if name] or guests.KERNELS
    unknown = sorted(set(names) - set(guests.KERNELS))
    if unknown:
        parser.error(f"no kernel named {', '.join(unknown)}; there are {', '.join(guests.KERNELS)}")
    try:
        mean = compare(options.lunabeam, names, options.runs, options.vm_arg)
    except (guests.BuildError, timing.RunError) as error:
        sys.exit(str(error))
    if options.min_ratio and (mean is None or mean < options.min_ratio):
        sys.exit(f"geomean {'unknown' if mean is None else f'{mean:.2f}'}, at least {options.min_ratio} wanted")


if __name__ == "__main__":
    main()
