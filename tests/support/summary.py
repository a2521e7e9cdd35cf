# SPDX-License-Identifier: Apache-2.0
"""Adds up what several test runners did, from the JUnit files they wrote.

usage: summary.py NAME=STATUS:FILE...    STATUS is the runner's exit status

Prints every skipped test with its reason, every failed one, and last a line
`N passed, N failed, N skipped`. A runner that failed without naming a failed test (it crashed, or
could not collect) counts as one failure, and so does a run in which nothing ran at all.
"""
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

NOTHING_COLLECTED = 5  # pytest's exit status for it: a filter may well fit the other runner only


@dataclass
class Tally:
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)  # name, reason

    def add(self, other: "Tally") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def skip_reason(case: ElementTree.Element, skipped: ElementTree.Element) -> str:
    """Ours if the test said why (GoogleTest prints it), else what the runner noted."""
    output = case.findtext("system-out") or ""
    said = re.search(r": Skipped\n(.+?)\n\s*\n?\[  SKIPPED \]", output, re.DOTALL)
    return (
        " ".join((said.group(1) if said else skipped.get("message", "")).split())
        or "no reason given"
    )


def tally_of(junit: str) -> Tally:
    result = Tally()
    for case in ElementTree.fromstring(junit).iter("testcase"):
        suite = case.get("classname", "")
        name = (
            case.get("name", "?")
            if suite in ("", case.get("name"))
            else f"{suite}.{case.get('name')}"
        )
        skipped = case.find("skipped")
        if case.get("status") == "disabled":
            result.skipped.append((name, "disabled in the source"))
        elif case.find("failure") is not None or case.find("error") is not None:
            result.failed.append(name)
        elif skipped is not None:
            # ctest files a program that is not there under "skipped": that is a failure.
            missing = case.get("status") == "notrun" and "SKIP_" not in skipped.get("message", "")
            if missing:
                result.failed.append(f"{name} (did not run: {skipped.get('message', '')})")
            else:
                result.skipped.append((name, skip_reason(case, skipped)))
        else:
            result.passed += 1
    return result


def tally_of_runner(name: str, status: int, path: Path) -> Tally:
    result = tally_of(path.read_text()) if path.exists() else Tally()
    if status not in (0, NOTHING_COLLECTED) and not result.failed:
        result.failed.append(f"{name} (ended with status {status} and named no failed test)")
    return result


def main(arguments: list[str]) -> int:
    total = Tally()
    for argument in arguments:
        name, rest = argument.split("=", 1)
        status, path = rest.split(":", 1)
        total.add(tally_of_runner(name, int(status), Path(path)))
    if not total.passed and not total.failed:
        total.failed.append("no test ran")
    for name, reason in total.skipped:
        print(f"skipped: {name}: {reason}")
    for name in total.failed:
        print(f"failed: {name}")
    print(f"{total.passed} passed, {len(total.failed)} failed, {len(total.skipped)} skipped")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
