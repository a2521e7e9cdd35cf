# SPDX-License-Identifier: Apache-2.0
"""Load generators on their own core, bounded in time; each gives the number of good answers and
refuses a run with bad ones."""
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness import LOAD_CORE, bench_error

SLACK_S = 30  # beyond the asked time, before a generator counts as hung


def run_generator(command: Sequence[str | Path], seconds: int) -> str:
    pinned = ["taskset", "-c", str(LOAD_CORE), *map(str, command)]
    try:
        done = subprocess.run(
            pinned,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds + SLACK_S,
        )
    except subprocess.TimeoutExpired:
        raise bench_error(f"{command[0]} did not end {SLACK_S} s after its time") from None
    if done.returncode != 0:
        raise bench_error(f"{command[0]} failed: {done.stdout[-500:]} {done.stderr[-500:]}")
    return done.stdout


def number(pattern: str, output: str) -> int:
    found = re.search(pattern, output)
    return int(found.group(1)) if found else 0


def wrk(url: str, seconds: int, *, connections: int = 64, headers: Sequence[str] = ()) -> int:
    """One thread, keep-alive connections; gives the responses, all of them 2xx or 3xx."""
    options = [part for header in headers for part in ("-H", header)]
    output = run_generator(
        ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", *options, url], seconds
    )
    bad = number(r"Non-2xx or 3xx responses: (\d+)", output)
    errors = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output
    )
    if bad or errors:
        raise bench_error(
            f"wrk {url}: {bad} bad responses; {errors.group(0) if errors else 'no socket errors'}"
        )
    return number(r"(\d+) requests in", output)


def dnsperf(
    port: int,
    queries: Path,
    seconds: int,
    *,
    mode: str = "udp",
    clients: int = 10,
    outstanding: int = 100,
) -> int:
    """Gives the answers; more than one query in a thousand lost, or any SERVFAIL or REFUSED, and
    the run says nothing."""
    output = run_generator(
        [
            "dnsperf",
            "-s",
            "127.0.0.1",
            "-p",
            str(port),
            "-d",
            queries,
            "-m",
            mode,
            "-T",
            "1",
            "-c",
            str(clients),
            "-q",
            str(outstanding),
            "-l",
            str(seconds),
        ],
        seconds,
    )
    sent = number(r"Queries sent:\s+(\d+)", output)
    answered = number(r"Queries completed:\s+(\d+)", output)
    codes = re.search(r"Response codes:\s+(.*)", output)
    said = codes.group(1) if codes else "none"
    if answered < sent * 0.999 or re.search(r"SERVFAIL|REFUSED|FORMERR|NOTIMP", said):
        raise bench_error(f"dnsperf: {answered} of {sent} answered; response codes: {said}")
    return answered
