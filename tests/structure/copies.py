"""Finds copied code: runs of at least --lines equal lines at two places of the C++ sources.

A line counts when it holds an identifier; blank lines, comments, braces and include directives are left out, so that
a licence head or a list of includes is not a copy.
"""

import argparse
import re
import sys

import tree

FOLDERS = {"vm", "jit", "runtime", "wasi", "tools", "tests", "benchmarks"}


def significant_lines(text):
    """-> [(line number, text without outer blanks)]"""
    lines = []
    for number, line in enumerate(tree.without_comments(text).splitlines(), 1):
        stripped = " ".join(line.split())
        if re.search(r"\w", stripped) and not re.match(r"#\s*(include|pragma)|(namespace|using) ", stripped):
            lines.append((number, stripped))
    return lines


def find(root, length):
    """-> [(count, file, line, file, line)]: maximal runs, each reported once."""
    sources = {name: significant_lines(tree.read_text(root, name) or "") for name in tree.cpp_files(root, FOLDERS)}
    places = {}
    for name, lines in sources.items():
        for start in range(len(lines) - length + 1):
            key = tuple(text for _, text in lines[start:start + length])
            places.setdefault(key, []).append((name, start))
    found, covered = [], set()
    for group in places.values():
        for index in range(1, len(group)):
            first, second = group[0], group[index]
            if (first, second) in covered or (first[0] == second[0] and second[1] - first[1] < length):
                continue
            a, b = sources[first[0]], sources[second[0]]
            if first[1] and second[1] and a[first[1] - 1][1] == b[second[1] - 1][1]:
                continue  # the run began earlier
            count = length
            while (first[1] + count < len(a) and second[1] + count < len(b)
                   and a[first[1] + count][1] == b[second[1] + count][1]):
                count += 1
            covered.add((first, second))
            found.append((count, first[0], a[first[1]][0], second[0], b[second[1]][0]))
    return sorted(found, reverse=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True)
    parser.add_argument("--lines", type=int, default=12, help="shortest run that is reported")
    arguments = parser.parse_args()
    found = find(arguments.root, arguments.lines)
    for count, first, first_line, second, second_line in found:
        print(f"{first}:{first_line} and {second}:{second_line}: {count} equal lines")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
