"""The files of the repository, and C++ text without its comments."""

import os
import re
import subprocess

CPP_SUFFIXES = (".h", ".hpp", ".cpp", ".cc", ".c", ".inc", ".inl", ".def")
BUILD_FOLDERS = {"build", ".git", ".cache", "__pycache__"}


def files(root):
    """Paths relative to `root`: what git tracks or would track; every file where git does not answer."""
    listing = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, check=False)
    if listing.returncode == 0 and listing.stdout:
        names = listing.stdout.decode().split("\0")
        return sorted(name for name in set(names) if name and os.path.isfile(os.path.join(root, name)))
    found = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in BUILD_FOLDERS]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(found)


def cpp_files(root, folders):
    return [name for name in files(root)
            if name.endswith(CPP_SUFFIXES) and name.split("/", 1)[0] in folders and "/" in name]


def read_text(root, name):
    """Content of a text file, or None for a binary one."""
    with open(os.path.join(root, name), "rb") as file:
        data = file.read()
    if b"\0" in data[:8192]:
        return None
    return data.decode("utf-8", errors="replace")


# A comment, or a string that could look like one; raw strings first.
_TOKENS = re.compile(
    r'(?P<raw>R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)")'
    r'|(?P<string>"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\')'
    r"|(?P<comment>//[^\n]*|/\*.*?\*/)", re.DOTALL)


def without_comments(text):
    """`text` with every comment blanked and its line numbers kept."""
    def blank(match):
        if match.group("comment") is None:
            return match.group(0)
        return " " + "\n" * match.group(0).count("\n")
    return _TOKENS.sub(blank, text)
