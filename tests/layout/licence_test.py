# SPDX-License-Identifier: Apache-2.0
"""Each source file says its licence in its first line (a script in its second, below #!)."""
import unittest

import tree

MARK = "SPDX-License-Identifier: Apache-2.0"
SCRIPTS = ("dev", ".ci/run")


def says_licence(text: str) -> bool:
    lines = [line for line in text.splitlines()[:2] if not line.startswith("#!")]
    return bool(lines) and lines[0] in (f"// {MARK}", f"# {MARK}", f"-- {MARK}")


class Licence(unittest.TestCase):
    def test_every_source_file_says_its_licence_first(self):
        paths = [*tree.files(".hpp", ".cpp", ".py", ".lua"), *SCRIPTS]
        self.assertEqual([path for path in paths if not says_licence(tree.read(path))], [])


class TheRuleItself(unittest.TestCase):
    def test_a_file_without_the_line_or_with_it_further_down_is_found(self):
        self.assertFalse(says_licence(""))
        self.assertFalse(says_licence("#pragma once\n"))
        self.assertFalse(says_licence(f"#pragma once\n// {MARK}\n"))
        self.assertFalse(says_licence("// SPDX-License-Identifier: MIT\n"))

    def test_a_script_may_name_its_interpreter_first(self):
        self.assertTrue(says_licence(f"#!/usr/bin/env bash\n# {MARK}\n"))
        self.assertTrue(says_licence(f"// {MARK}\n#pragma once\n"))


if __name__ == "__main__":
    unittest.main()
