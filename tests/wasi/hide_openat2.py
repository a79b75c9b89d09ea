"""Takes openat2 away from a program, as older kernels and some sandboxes do."""

import ctypes
import os
import struct

# prctl and seccomp: the numbers of the kernel's interface.
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_SYS_OPENAT2 = 437  # The same on every architecture.
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ENOSYS = 0x7FFF0000, 0x00050000 | 38


def hide_openat2():
    """Between fork and exec: from now on the call answers ENOSYS."""
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in [
        (_LOAD, 0, 0, 0),  # The number of the call.
        (_JUMP_EQUAL, 0, 1, _SYS_OPENAT2),
        (_RETURN, 0, 0, _ENOSYS),
        (_RETURN, 0, 0, _ALLOW),
    ])
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header):
        os._exit(126)
