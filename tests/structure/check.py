"""Checks the repository's own rules: check.py --root DIR RULE... (layering, isa, marks, paths, all)."""

import argparse
import sys

import isa_rules
import layering
import text_rules

RULES = {
    "layering": layering.check,
    "isa": isa_rules.check,
    "marks": text_rules.check_marks,
    "paths": text_rules.check_paths,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True, help="root of the repository")
    parser.add_argument("rules", nargs="+", choices=[*RULES, "all"], metavar="RULE")
    arguments = parser.parse_args()
    chosen = RULES if "all" in arguments.rules else dict.fromkeys(arguments.rules)
    messages = [message for rule in chosen for message in RULES[rule](arguments.root)]
    for message in messages:
        print(message)
    return 1 if messages else 0


if __name__ == "__main__":
    sys.exit(main())
