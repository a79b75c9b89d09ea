"""What may not be committed: marks of unfinished work, paths of one machine, names of registry hosts, lock files."""

import re

import tree

# The licence is not ours to word; this folder has to name what it forbids.
_EXEMPT = re.compile(r"^(LICENSE$|tests/structure/)")

_MARKS = re.compile(
    r"\b(?:TODO|FIXME|XXX|HACK)\b"
    r"|(?i:\bfor now\b|\bnot (?:yet )?implemented yet\b|\bnot yet (?:implemented|supported)\b|\bunimplemented\b"
    r"|\bplaceholders?\b|\bsimplified\b|\bDISABLED_\w+)")

_HOSTS = re.compile(
    r"\b(?:deb\.debian\.org|security\.debian\.org|snapshot\.debian\.org|archive\.ubuntu\.com|pypi\.org|pythonhosted\.org"
    r"|(?:static\.|index\.)?crates\.io|registry\.npmjs\.org|registry\.yarnpkg\.com|proxy\.golang\.org|rubygems\.org"
    r"|hex\.pm|repo1?\.maven\.org|static\.rust-lang\.org|registry-1\.docker\.io|ghcr\.io)\b")

_MACHINE_PATH = re.compile(r"(?<![\w./$})~*-])/(?:home|root|work|Users|mnt|media|opt|scratch)/[\w.-]+")

_LOCK_FILES = {"Cargo.lock", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "poetry.lock", "uv.lock",
               "Pipfile.lock", "conan.lock", "go.sum", "Gemfile.lock"}


def _search(root, pattern, explain):
    messages = []
    for name in tree.files(root):
        text = None if _EXEMPT.match(name) else tree.read_text(root, name)
        if text is None or not pattern.search(text):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            found = pattern.search(line)
            if found:
                messages.append(f"{name}:{number}: {explain}: {found.group(0)}")
    return messages


def check_marks(root):
    return _search(root, _MARKS, "a mark of unfinished work")


def check_paths(root):
    messages = _search(root, _HOSTS, "a registry host") + _search(root, _MACHINE_PATH, "a path of one machine")
    messages += [f"{name}: a lock file (it names registry hosts)" for name in tree.files(root)
                 if name.rsplit("/", 1)[-1] in _LOCK_FILES]
    return messages
