# SPDX-License-Identifier: Apache-2.0
"""Compares what one answer costs here with what it costs the best peers, side by side.

On a small machine the load generator saturates first, so requests per second say little. What
holds is the server's CPU time (user and system, the process and all below it) divided by what it
served. Servers run on core 0, generators and upstreams on core 1; the contestants take turns
(A B C A B C ...), so that a slow minute of the machine hits all of them, and the median counts.
Standard library only.
"""
import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from process import child, cpu_ticks, descendants  # noqa: E402

SERVER_CORE = 0
LOAD_CORE = 1 if (os.cpu_count() or 1) > 1 else 0
TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")
OURS = "ours"


class bench_error(Exception):
    """The load did not run as meant, so that its figure would say nothing."""


@dataclass
class contestant:
    server: child
    load: Callable[[], int]  # runs for a bounded time; gives what was served, raises bench_error


@dataclass
class row:
    """One comparison. `asked` bounds ours / best peer from above."""

    name: str
    unit: str
    asked: float
    contestants: dict[str, contestant] = field(default_factory=dict)
    figures: dict[str, list[float]] = field(default_factory=dict)

    def measure_round(self) -> None:
        for name, one in self.contestants.items():
            self.figures.setdefault(name, []).append(cost_us(one))

    def result(self) -> dict:
        medians = {name: statistics.median(values) for name, values in self.figures.items()}
        ours = medians.pop(OURS, None)
        ratio = ours / min(medians.values()) if ours is not None and medians else None
        return {
            "row": self.name,
            "unit": self.unit,
            "ours": rounded(ours),
            "peers": {name: rounded(value) for name, value in medians.items()},
            "ratio": rounded(ratio, 3),
            "asked": f"<={self.asked:g}",
            "ok": None if ratio is None else ratio <= self.asked,
        }


def rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(value, digits)


def cpu_us(server: child) -> float:
    return sum(map(cpu_ticks, descendants(server.pid))) * TICK_US


def cost_us(one: contestant) -> float:
    before = cpu_us(one.server)
    served = one.load()
    spent = cpu_us(one.server) - before
    if not one.server.alive():
        raise bench_error(f"{one.server.name} ended under load:\n{one.server.log_text()[-2000:]}")
    if served < 1 or spent <= 0:
        raise bench_error(f"{one.server.name}: {served} served in {spent:g} us of CPU")
    return spent / served


def machine() -> str:
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, {os.cpu_count()} cores, Linux {os.uname().release}"


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def print_table(rows: list[row]) -> None:
    for one in rows:
        result = one.result()
        print(f"\n{one.name} ({one.unit}), {len(next(iter(one.figures.values())))} rounds")
        print(f"  {'':<12} {'median':>8} {'min':>8} {'max':>8}")
        for name, values in one.figures.items():
            figures = (statistics.median(values), min(values), max(values))
            print(f"  {name:<12}", *(f"{figure:>8.2f}" for figure in figures))
        if result["ok"] is not None:
            verdict = "ok" if result["ok"] else "MISSED"
            ratio = "" if result["ratio"] is None else f"ratio to the best peer {result['ratio']}, "
            print(f"  {ratio}asked {result['asked']}: {verdict}")


def arguments(description: str, row_names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (3)")
    parser.add_argument("--seconds", type=int, default=5, help="of load for each figure (5)")
    parser.add_argument("--peers-only", action="store_true", help="measure the peers alone")
    parser.add_argument("--only", choices=row_names, help="one row of the bench")
    chosen = parser.parse_args()
    if chosen.rounds < 1 or not 1 <= chosen.seconds <= 60:
        parser.error("at least one round, and 1 to 60 seconds")
    return chosen


# What makes a row: starts its servers on the stack, in the folder, as the options say.
row_maker = Callable[[ExitStack, Path, argparse.Namespace], row]


def main(name: str, description: str, makers: dict[str, row_maker]) -> int:
    """Measures row by row, each with its own servers; the exit status."""
    options = arguments(description, list(makers))
    rows = []
    try:
        for row_name in [options.only] if options.only else makers:
            with ExitStack() as stack:
                folder = tempfile.TemporaryDirectory(prefix="stagedoor-bench-")
                path = Path(stack.enter_context(folder))
                rows.append(makers[row_name](stack, path, options))
                for number in range(1, options.rounds + 1):
                    progress(f"{name}: {row_name}, round {number} of {options.rounds}")
                    rows[-1].measure_round()
    except (bench_error, OSError, RuntimeError) as wrong:
        progress(f"{name}: {wrong}")
        return 1
    print_table(rows)
    return report(name, rows)


def report(name: str, rows: list[row]) -> int:
    """Writes build/bench/<name>.json; 1 when a bar was missed."""
    results = [one.result() for one in rows]
    peers_only = all(result["ours"] is None for result in results)
    return write(f"{name}{'-peers' if peers_only else ''}", results)


def write(name: str, results: list[dict]) -> int:
    """The same from results that are made already."""
    path = ROOT / "build" / "bench" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine(), "rows": results}) + "\n")
    print(f"\nwritten to {path.relative_to(ROOT)}")
    return 1 if any(result["ok"] is False for result in results) else 0
