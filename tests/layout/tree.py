# SPDX-License-Identifier: Apache-2.0
"""The tree as the layout tests see it: every file of ours that is not built or fetched."""
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("messages", "runtime", "configs", "actors", "cluster", "tests")


def files(*suffixes: str) -> list[str]:
    """Paths from the root, sorted, of our files with one of these suffixes."""
    found = []
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in suffixes and path.is_file() and "__pycache__" not in path.parts:
                found.append(path.relative_to(ROOT).as_posix())
    return sorted(found)


def read(path: str) -> str:
    return (ROOT / path).read_text()
