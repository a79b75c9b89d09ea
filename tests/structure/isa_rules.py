"""Instructions of one processor are named in vm/interp and jit/<isa> only; everything else is portable C++."""

import re

import tree

FOLDERS = {"vm", "jit", "runtime", "wasi", "tools"}
ALLOWED = re.compile(r"^(vm/interp/|jit/(x86|x64|a64|arm64|aarch64)[^/]*/|jit/asm/)")
_INTRINSIC = re.compile(
    r"<(?:[a-z]?mmintrin|immintrin|x86intrin|x86gprintrin|nmmintrin|wmmintrin|arm_neon|arm_acle|arm_sve)\.h>"
    r"|\b_mm\d*_\w+|\b__m(?:64|128|256|512)[id]?\b|\b__builtin_(?:ia32|arm|aarch64|neon)_\w+|\b_?_rdtscp?\b"
    r"|\bv(?:ld|st)1q?_[suf]\d+\b")


def check(root):
    messages = []
    for name in tree.cpp_files(root, FOLDERS):
        if ALLOWED.match(name):
            continue
        for number, line in enumerate(tree.without_comments(tree.read_text(root, name) or "").splitlines(), 1):
            found = _INTRINSIC.search(line)
            if found:
                messages.append(f"{name}:{number}: {found.group(0)} belongs in vm/interp or jit/<isa>")
    return messages
