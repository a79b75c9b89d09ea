#!/usr/bin/env python3
"""Writes the table of host functions into docs/compatibility.md: host-table.py [--check]

The rows come from runtime/hostcalls/functions.def and wasi/preview1.def, the places that the VM itself is built from. With
--check nothing is written; the exit status is 1 when the document is not current.
"""

import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/compatibility.md"
BEGIN = "<!-- host functions: written by tools/dev.d/host-table.py -->"
END = "<!-- end of host functions -->"

TYPES = {"i": "i32", "I": "i64", "f": "f32", "F": "f64", "v": "v128"}
STATUS = {
    "kFull": "yes",
    "kNoPeers": "as a node without peers",
    "kTraps": "traps when called",
}
ROW = re.compile(r'^(LUNATIC_FUNCTION|LUNATIC_OVERLOAD|WASI_FUNCTION)\((.*)\)\s*$')


def rows(path):
    """-> list of (macro, arguments)."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        match = ROW.match(line)
        if match:
            fields = re.findall(r'"([^"]*)"|([A-Za-z0-9_]+)', match.group(2))
            found.append((match.group(1), [text or word for text, word in fields]))
    return found


def type_text(signature):
    parameters, results = signature.split(":")
    text = "(" + " ".join(TYPES[letter] for letter in parameters) + ")"
    return text + (" → " + " ".join(TYPES[letter] for letter in results) if results else "")


def table():
    functions, overloads = [], []
    for macro, fields in rows(ROOT / "runtime/hostcalls/functions.def"):
        area, name, signature, status = fields[:4]
        row = (f"lunatic::{area}", name, type_text(signature), STATUS[status])
        if macro == "LUNATIC_OVERLOAD":
            overloads.append(row + (fields[4],))
        else:
            functions.append(row)
    for _, (name, signature, _) in rows(ROOT / "wasi/preview1.def"):
        functions.append(("wasi_snapshot_preview1", name, type_text(signature), STATUS["kFull"]))

    lines = ["", "### Summary", "", "| module | functions | " + " | ".join(STATUS.values()) + " |",
             "|---|--:|" + "--:|" * len(STATUS)]
    modules = list(dict.fromkeys(row[0] for row in functions))
    for module in modules + [None]:
        chosen = [row for row in functions if module in (None, row[0])]
        counts = [sum(row[3] == text for row in chosen) for text in STATUS.values()]
        label = f"`{module}`" if module else "**all**"
        lines.append(f"| {label} | {len(chosen)} | " + " | ".join(str(count or "") for count in counts) + " |")

    lines += ["", "### Functions", "", "| # | module | function | type | works |", "|--:|---|---|---|---|"]
    for number, (module, name, text, status) in enumerate(functions, 1):
        lines.append(f"| {number} | `{module}` | `{name}` | `{text}` | {status} |")
    lines += ["", "### Types of older guests", "",
              "The same names with the types that crates before 0.13 import; a module links to the row of its own type.", "",
              "| module | function | type | crate | works |", "|---|---|---|---|---|"]
    for module, name, text, status, guests in overloads:
        lines.append(f"| `{module}` | `{name}` | `{text}` | {guests} | {status} |")
    return "\n".join(lines) + "\n\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 when the document is not current")
    arguments = parser.parse_args()
    text = DOCUMENT.read_text(encoding="utf-8")
    begin, end = text.find(BEGIN), text.find(END)
    if begin < 0 or end < begin:
        print(f"{DOCUMENT.name}: the markers of the table are missing", file=sys.stderr)
        return 1
    current = text[:begin] + BEGIN + "\n" + table() + text[end:]
    if current == text:
        return 0
    if arguments.check:
        print("docs/compatibility.md is not current: run tools/dev.d/host-table.py", file=sys.stderr)
        return 1
    DOCUMENT.write_text(current, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
