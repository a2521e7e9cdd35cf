# SPDX-License-Identifier: Apache-2.0
import unittest

import sizes


class Sizes(unittest.TestCase):
    def test_no_file_is_above_the_cap(self):
        texts = sizes.texts_of_tree()
        self.assertTrue(texts)
        self.assertEqual(sizes.above(sizes.lengths(texts), sizes.CAP), [])


class TheRuleItself(unittest.TestCase):
    def test_a_file_one_line_above_the_cap_is_found(self):
        texts = {"a.cpp": "x\n" * sizes.CAP, "b.cpp": "x\n" * (sizes.CAP + 1)}
        self.assertEqual(sizes.above(sizes.lengths(texts), sizes.CAP), [(sizes.CAP + 1, "b.cpp")])

    def test_a_table_of_data_is_exempt_only_when_it_says_so_at_the_top(self):
        long = "x\n" * (sizes.CAP + 1)
        self.assertEqual(sizes.lengths({"a.cpp": f"// {sizes.MARKER}\n{long}"}), {})
        self.assertNotEqual(sizes.lengths({"a.cpp": f"{long}// {sizes.MARKER}\n"}), {})


if __name__ == "__main__":
    unittest.main()
