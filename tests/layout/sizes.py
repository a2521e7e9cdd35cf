# SPDX-License-Identifier: Apache-2.0
"""How long the files are: a file with one job fits on a few screens.

Run as a program it prints the table and exits 1 when a file is above the cap. A file that is a
table of data says so with the marker below among its first lines and is exempt.
"""
import sys

import tree

WARN_ABOVE = 400
CAP = 600
MARKER = "Size: a table of data"
MARKER_WITHIN = 15  # lines
SUFFIXES = (".cpp", ".hpp", ".py")


def is_exempt(text: str) -> bool:
    return any(MARKER in line for line in text.splitlines()[:MARKER_WITHIN])


def lengths(texts: dict[str, str]) -> dict[str, int]:
    return {path: len(text.splitlines()) for path, text in texts.items() if not is_exempt(text)}


def above(sizes: dict[str, int], limit: int) -> list[tuple[int, str]]:
    return sorted(((lines, path) for path, lines in sizes.items() if lines > limit), reverse=True)


def percentile(values: list[int], share: float) -> int:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def texts_of_tree() -> dict[str, str]:
    here = __file__.rsplit("/", 1)[1]
    texts = {path: tree.read(path) for path in tree.files(*SUFFIXES)}
    return {path: text for path, text in texts.items() if not path.endswith(f"layout/{here}")}


def print_table(sizes: dict[str, int]) -> None:
    print(f"{'folder':<10} {'files':>6} {'lines':>7} {'median':>7} {'p90':>5} {'max':>5}")
    for folder in (*tree.FOLDERS, ""):
        own = [lines for path, lines in sizes.items() if path.startswith(folder)]
        if own:
            print(
                f"{folder or 'all':<10} {len(own):>6} {sum(own):>7} {percentile(own, 0.5):>7} "
                f"{percentile(own, 0.9):>5} {max(own):>5}"
            )


def main() -> int:
    sizes = lengths(texts_of_tree())
    print_table(sizes)
    for lines, path in above(sizes, WARN_ABOVE):
        print(f"{'too long' if lines > CAP else 'long'}: {path}: {lines} lines")
    return 1 if above(sizes, CAP) else 0


if __name__ == "__main__":
    sys.exit(main())
