# SPDX-License-Identifier: Apache-2.0
"""The demo on three nodes, as `./dev demo --once --nodes 3` runs it."""
import os
import re
import subprocess

from node import ROOT, binary

DEMO_SECONDS = 120


def test_the_demo_on_three_nodes_ends_well_and_shows_the_takeover():
    done = subprocess.run(
        ["/usr/bin/python3", ROOT / "tests/demo/demo.py", "--once", "--nodes", "3"],
        env={**os.environ, "STAGEDOOR": str(binary())},
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    took = re.search(r"owned by the others after (\d+) ms", done.stdout)
    assert took and int(took.group(1)) < 2000, took
    assert re.search(r"[1-9]\d* answered, 0 failed", done.stdout)
