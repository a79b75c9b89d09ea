"""Prints one line per preset from ctest's JUnit files (PRESET=FILE ...), then what was skipped and what failed."""

import sys
import xml.etree.ElementTree as ET


def read(path):
    """-> (passed, skipped [(name, reason)], failed [name], seconds)"""
    passed, skipped, failed, seconds = 0, [], [], 0.0
    for case in ET.parse(path).getroot().iter("testcase"):
        seconds += float(case.get("time") or 0)
        name, status = case.get("name"), case.get("status")
        if case.find("failure") is not None or status == "fail":
            failed.append(name)
        elif case.find("skipped") is not None or status in ("notrun", "disabled"):
            skipped.append((name, reason_of(case)))
        else:
            passed += 1
    return passed, skipped, failed, seconds


def reason_of(case):
    """The text that GTEST_SKIP printed: the line after its 'Skipped' mark; or what a program printed after 'skipped:'."""
    output = (case.findtext("system-out") or "").splitlines()
    for index, line in enumerate(output):
        if line.endswith(": Skipped") and index + 1 < len(output):
            return output[index + 1].strip()
        if line.startswith("skipped: "):
            return line.removeprefix("skipped: ").strip()
    return ""


def main(arguments):
    broken = False
    skipped_by_reason, failures = {}, []
    print(f"{'preset':<12}{'passed':>8}{'failed':>8}{'skipped':>9}{'test time':>12}")
    for argument in arguments:
        preset, _, path = argument.partition("=")
        try:
            passed, skipped, failed, seconds = read(path)
        except (OSError, ET.ParseError) as error:
            print(f"{preset:<12}no result: {error}")
            broken = True
            continue
        print(f"{preset:<12}{passed:>8}{len(failed):>8}{len(skipped):>9}{seconds:>10.1f} s")
        if passed + len(failed) == 0:
            print(f"{preset:<12}nothing ran")
            broken = True
        for name, reason in skipped:
            skipped_by_reason.setdefault(reason or "no reason given", set()).add(name)
        failures += [f"{preset}: {name}" for name in failed]
    for reason, names in sorted(skipped_by_reason.items()):
        shown = sorted(names)
        print(f"skipped: {reason}")
        for name in shown[:12]:
            print(f"    {name}")
        if len(shown) > 12:
            print(f"    and {len(shown) - 12} more")
    for failure in failures:
        print(f"failed: {failure}")
    return 1 if broken or failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
