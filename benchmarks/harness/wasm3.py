"""The interpreter that ours is compared with: wasm3, from its source package, built as it builds itself for release."""

import shutil
import subprocess
import tarfile

from . import CACHE, ROOT
from .packages import fetch

PACKAGE, VERSION = "pywasm3", "0.5.0"
SHA256 = "5a47c8a39f7f6ae71b3316b2e5d86c9d0db6e771a65f09a86e4d4aa3a19aefcc"

# The optimisation flags of wasm3's own release build.
_FLAGS = ["-O3", "-DNDEBUG", "-march=native", "-flto=thin", "-fomit-frame-pointer", "-fno-stack-check",
          "-fno-stack-protector", "-w"]


def _fetch(folder):
    archive, missing = fetch(folder, PACKAGE, VERSION, f"{PACKAGE}-{VERSION}.tar.gz", SHA256, f"--no-binary={PACKAGE}")
    if missing:
        return None, missing
    with tarfile.open(archive) as tar:
        tar.extractall(folder)
    return folder / f"{PACKAGE}-{VERSION}" / "wasm3", None


def build():
    """Returns (path of the wasm3 program, None), or (None, why there is none). Fetches and builds at first use."""
    driver = ROOT / "benchmarks" / "wasm3_driver.c"
    folder = CACHE / "wasm3"
    program = folder / "wasm3"
    if program.exists() and program.stat().st_mtime > driver.stat().st_mtime:
        return program, None
    compiler = shutil.which("clang-22") or shutil.which("clang")
    if not compiler:
        return None, "clang is missing"
    folder.mkdir(parents=True, exist_ok=True)
    sources, missing = _fetch(folder)
    if missing:
        return None, missing
    linker = "-fuse-ld=lld-22" if compiler.endswith("clang-22") else "-fuse-ld=lld"
    command = [compiler, *_FLAGS, linker, f"-I{sources}", *map(str, sorted(sources.glob("*.c"))), str(driver), "-lm",
               "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        return None, f"wasm3 does not build:\n{done.stderr.strip()}"
    return program, None
