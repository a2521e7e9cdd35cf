# SPDX-License-Identifier: Apache-2.0
"""ARCHITECTURE.md walks through the code in numbered steps; each step names `file:function`, and
what it names must be there."""
import re
import unittest

import tree

PAGE = "ARCHITECTURE.md"
# A walk-through is a section whose heading starts with "Life of"; the page must have these four.
REQUIRED = ("request", "query", "task", "hot-add")

HEADING = re.compile(r"^#+\s+(.*)$")
STEP = re.compile(r"^\d+\.\s+")
NAMED = re.compile(r"`([\w./-]+\.(?:cpp|hpp|py|lua)):([\w:~]+)`")


def walkthroughs(page: str) -> dict[str, list[str]]:
    """Heading -> its numbered steps, continuation lines joined."""
    found: dict[str, list[str]] = {}
    steps = None
    for line in page.splitlines():
        if heading := HEADING.match(line):
            title = heading.group(1)
            steps = found.setdefault(title, []) if title.lower().startswith("life of") else None
        elif steps is not None:
            if STEP.match(line):
                steps.append(line)
            elif steps and line.startswith(" ") and line.strip():
                steps[-1] += " " + line.strip()
    return found


def defines(source: str, symbol: str) -> bool:
    """A function, type or method of that name; `a::b` wants both words."""
    *owners, name = symbol.split("::")
    known_owners = all(re.search(rf"\b{re.escape(owner)}\b", source) for owner in owners)
    word = re.escape(name)
    called = re.search(rf"(?<![\w~]){word}\s*[(<]", source)
    declared = re.search(rf"\b(?:class|struct|enum class|def)\s+{word}\b", source)
    return known_owners and bool(called or declared)


def problems(page: str, source_of) -> list[str]:
    """|source_of| gives a file's text, or None where there is no such file."""
    found = []
    walks = walkthroughs(page)
    for word in REQUIRED:
        if not any(word in title.lower() and steps for title, steps in walks.items()):
            found.append(f'no numbered steps under a heading "Life of ... {word}"')
    for title, steps in walks.items():
        for number, step in enumerate(steps, 1):
            if not NAMED.search(step):
                found.append(f"{title}, step {number}: names no `file:function`")
    for path, symbol in NAMED.findall(page):
        source = source_of(path)
        if source is None:
            found.append(f"{path}:{symbol}: no such file")
        elif not defines(source, symbol):
            found.append(f"{path}:{symbol}: not in that file")
    return found


def source_in_tree(path: str) -> str | None:
    return tree.read(path) if (tree.ROOT / path).is_file() else None


class Walkthrough(unittest.TestCase):
    def test_every_named_symbol_exists(self):
        self.assertTrue((tree.ROOT / PAGE).is_file(), f"{PAGE} is missing")
        self.assertEqual(problems(tree.read(PAGE), source_in_tree), [])


class TheRuleItself(unittest.TestCase):
    SOURCES = {
        "runtime/a.cpp": "result<void> listener::accept(int fd) {\n}\nstruct head {};\n",
    }
    GOOD = "\n".join(
        f"## Life of a {word}\n"
        "1. `runtime/a.cpp:listener::accept` takes it;\n   goes on\n"
        "2. `runtime/a.cpp:head`\n"
        for word in REQUIRED
    )

    def check(self, page: str) -> list[str]:
        return problems(page, self.SOURCES.get)

    def test_a_good_page_passes(self):
        self.assertEqual(self.check(self.GOOD), [])

    def test_a_renamed_function_is_found(self):
        page = self.GOOD.replace("listener::accept", "listener::accept_all")
        self.assertEqual(len(self.check(page)), len(REQUIRED))

    def test_the_tail_of_a_name_is_not_the_name(self):
        self.assertFalse(defines("void reaccept(int);", "accept"))
        self.assertFalse(defines("// accept takes it", "accept"))

    def test_a_missing_file_is_found(self):
        self.assertIn(
            "runtime/b.cpp:x: no such file", self.check(self.GOOD + "see `runtime/b.cpp:x`")
        )

    def test_a_step_that_names_nothing_is_found(self):
        self.assertEqual(len(self.check(self.GOOD + "3. and so on\n")), 1)

    def test_a_missing_walk_through_is_found(self):
        self.assertEqual(len(self.check(self.GOOD.replace("Life of a query", "A query"))), 1)


if __name__ == "__main__":
    unittest.main()
