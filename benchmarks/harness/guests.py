"""Builds the WebAssembly modules that a benchmark runs, once per change of their source."""

import subprocess
from pathlib import Path

from . import CACHE, ROOT

KERNELS = ["fib", "sieve", "matmul", "crc32", "sha256", "indirect", "tree", "nbody", "collatz", "json",
           "mandelbrot", "quicksort", "base64", "lz", "bytecode", "threaded", "virtual", "list_hot", "list_cold", "search",
           "copy", "bigint", "queens"]
"""The interpreter kernels, in the order of the tables."""

SIMD_KERNELS = ["simd_matmul", "simd_base64"]
"""Kernels of vector instructions: wasm3 has none, so they are not part of the comparison with it."""

# wasm3 reads the table index of call_indirect as one byte, so the kernels do without the long form.
_KERNEL_FLAGS = ["-mno-reference-types", "-mno-call-indirect-overlong"]

SMALL_MEMORY = ["-Wl,--stack-first", "-Wl,-z,stack-size=16832", "-Wl,--initial-memory=65536"]
"""Stack and data in one page of 64 KiB, and the top of the stack in the 4 KiB page where the data begin: what a process costs
is then mostly the VM's doing."""


class BuildError(Exception):
    """A guest could not be built; the text says why."""


def _build(source, target, flags, depends):
    newest = max(path.stat().st_mtime for path in [source, ROOT / "examples" / "wasm-cc", *depends])
    if target.exists() and target.stat().st_mtime > newest:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [str(ROOT / "examples" / "wasm-cc"), *flags, str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildError(f"cannot build {source.name}:\n{done.stderr.strip()}")
    return target


def kernel(name):
    """The module of one kernel."""
    folder = ROOT / "benchmarks" / "kernels"
    flags = ["-msimd128"] if name in SIMD_KERNELS else _KERNEL_FLAGS
    return _build(folder / f"{name}.c", CACHE / "kernels" / f"{name}.wasm", flags, [folder / "kernel.h"])


def start():
    """The module of about 100 KB whose start is measured: ../load/start.c over all kernels."""
    flags = ["-D_GNU_SOURCE", *_KERNEL_FLAGS]
    kernels = ROOT / "benchmarks" / "kernels"
    objects = [_build(kernels / f"{name}.c", CACHE / "load" / f"{name}.o",
                      [*flags, "-c", "-Wno-unused-command-line-argument", f"-Dmain={name}_main"], [kernels / "kernel.h"])
               for name in KERNELS]
    return _build(ROOT / "benchmarks" / "load" / "start.c", CACHE / "load" / "start.wasm",
                  [*flags, "-nostartfiles", "-lm", *map(str, objects)], objects)


def small(source: Path):
    """The module of a C guest whose stack and data fit in one page."""
    header = ROOT / "examples" / "c" / "lunabeam.h"
    flags = [*SMALL_MEMORY, f"-I{header.parent}"]
    return _build(source, CACHE / "guests" / f"{source.stem}.wasm", flags, [header, Path(__file__)])
