# SPDX-License-Identifier: Apache-2.0
"""dev bench sim: 1,000 seeds of simulated clusters, 5 to 200 nodes each, within five minutes.

A seed that fails is printed by the simulation with how to run it again, and fails the bench.
"""
import argparse
import subprocess
import sys
import time

import harness

PROGRAM = harness.ROOT / "build/release/tests/sim/sim_test"
ASKED_S = 300


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1000, help="how many (1000)")
    seeds = parser.parse_args().seeds
    harness.progress(f"sim: {seeds} seeds")
    began = time.monotonic()
    done = subprocess.run(
        [PROGRAM, f"--seeds={seeds}", "--jobs=2", f"--seconds={ASKED_S}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    took = time.monotonic() - began
    print(done.stdout, end="")
    result = {
        "row": f"{seeds} seeds",
        "unit": "s",
        "ours": harness.rounded(took),
        "asked": f"<={ASKED_S}",
        "ok": done.returncode == 0 and took <= ASKED_S,
    }
    return harness.write("sim", [result])


if __name__ == "__main__":
    sys.exit(main())
