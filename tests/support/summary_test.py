# SPDX-License-Identifier: Apache-2.0
import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import summary

CTEST = """<testsuite name="x" tests="5">
 <testcase name="ring.wraps" classname="ring.wraps" status="run">
  <system-out>ok</system-out></testcase>
 <testcase name="ring.fails" classname="ring.fails" status="fail"><failure message=""/></testcase>
 <testcase name="ring.skips" classname="ring.skips" status="notrun">
  <skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>
  <system-out>[ RUN      ] ring.skips
ring_test.cpp:7: Skipped
no io_uring
here

[  SKIPPED ] ring.skips (0 ms)</system-out></testcase>
 <testcase name="ring_test_NOT_BUILT" classname="ring_test_NOT_BUILT" status="notrun">
  <skipped message="Unable to find executable: ring_test"/></testcase>
 <testcase name="ring.off" classname="ring.off" status="disabled"/>
</testsuite>"""

PYTEST = """<testsuites><testsuite name="pytest">
 <testcase classname="tests.e2e.edge_test" name="test_ok"/>
 <testcase classname="tests.e2e.edge_test" name="test_breaks"><error message="fixture"/></testcase>
 <testcase classname="tests.e2e.edge_test" name="test_docker">
  <skipped message="no docker"/></testcase>
</testsuite></testsuites>"""


def run(*runners: tuple[str, int, str | None]) -> tuple[int, list[str]]:
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:
        arguments = []
        for name, status, junit in runners:
            path = Path(folder, f"{name}.xml")
            if junit is not None:
                path.write_text(junit)
            arguments.append(f"{name}={status}:{path}")
        status = summary.main(arguments)
    return status, out.getvalue().splitlines()


class Summary(unittest.TestCase):
    def test_adds_up_both_runners_and_ends_with_the_counts(self):
        status, lines = run(("ctest", 8, CTEST), ("pytest", 1, PYTEST))
        self.assertEqual(lines[-1], "2 passed, 3 failed, 3 skipped")
        self.assertEqual(status, 1)

    def test_prints_each_skip_with_its_reason(self):
        _, lines = run(("ctest", 0, CTEST), ("pytest", 0, PYTEST))
        self.assertIn("skipped: ring.skips: no io_uring here", lines)
        self.assertIn("skipped: ring.off: disabled in the source", lines)
        self.assertIn("skipped: tests.e2e.edge_test.test_docker: no docker", lines)

    def test_a_program_that_was_not_built_is_a_failure(self):
        _, lines = run(("ctest", 8, CTEST))
        self.assertIn(
            "failed: ring_test_NOT_BUILT (did not run: Unable to find executable: ring_test)", lines
        )

    def test_a_runner_that_crashes_is_a_failure(self):
        status, lines = run(
            ("ctest", 0, "<testsuite><testcase name='a'/></testsuite>"), ("pytest", 3, None)
        )
        self.assertEqual((status, lines[-1]), (1, "1 passed, 1 failed, 0 skipped"))

    def test_nothing_run_is_a_failure(self):
        status, lines = run(("ctest", 0, "<testsuite/>"), ("pytest", 5, None))
        self.assertEqual((status, lines[-1]), (1, "0 passed, 1 failed, 0 skipped"))

    def test_all_passed_is_success(self):
        status, lines = run(("ctest", 0, "<testsuite><testcase name='a'/></testsuite>"))
        self.assertEqual((status, lines[-1]), (0, "1 passed, 0 failed, 0 skipped"))


if __name__ == "__main__":
    unittest.main()
