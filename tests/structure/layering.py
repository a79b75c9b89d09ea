"""Who may include whom: vm < jit < runtime < wasi < tools. An include names its file from the repository root."""

import os
import re

import tree

# Folder -> folders that its sources may include. Tests and benchmarks may include everything.
MAY_INCLUDE = {
    "vm": {"vm"},
    "jit": {"vm", "jit"},
    "runtime": {"vm", "jit", "runtime"},
    "wasi": {"vm", "runtime", "wasi"},
    "tools": {"vm", "jit", "runtime", "wasi", "tools"},
}
PROJECT_FOLDERS = set(MAY_INCLUDE) | {"tests", "benchmarks", "examples"}
_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*include(?:_next)?[ \t]*(.*)$", re.MULTILINE)
_TARGET = re.compile(r'^(?:"([^"]+)"|<([^>]+)>)')


def check(root):
    """-> list of messages, one per violation."""
    messages = []
    for name in tree.cpp_files(root, set(MAY_INCLUDE)):
        text = tree.without_comments(tree.read_text(root, name) or "")
        folder = name.split("/", 1)[0]
        for match in _DIRECTIVE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            problem = problem_of(root, folder, match.group(1).strip())
            if problem:
                messages.append(f"{name}:{line}: {problem}")
    return messages


def problem_of(root, folder, operand):
    target = _TARGET.match(operand)
    if target is None:
        return f"include of a macro ({operand}): the layer of what it names cannot be checked"
    quoted, angled = target.groups()
    path = quoted or angled
    first = path.split("/", 1)[0]
    if angled is not None:
        if first in PROJECT_FOLDERS and os.path.exists(os.path.join(root, path)):
            return f'<{path}> is a file of this repository: write "{path}"'
        return None
    if first not in PROJECT_FOLDERS or ".." in path.split("/"):
        return f'"{path}" is not written from the repository root'
    if not os.path.exists(os.path.join(root, path)):
        return f'"{path}" does not exist'
    if first not in MAY_INCLUDE[folder]:
        return f'"{path}": {folder} may not include {first}'
    return None
