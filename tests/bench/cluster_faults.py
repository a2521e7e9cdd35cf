# SPDX-License-Identifier: Apache-2.0
"""dev bench cluster: what a death, a join, a leave and a lost Redis cost a cluster of real nodes,
each on a network host of its own; needs root.

Every row has what was asked of it and what was measured. Requests and queries go on all the time
to the nodes that are meant to notice nothing, and one that fails misses the row.
"""
import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import harness  # noqa: I001  (puts tests/support on the path)
from cluster import cluster, cluster_node
from owners import add_owned_teams, at_rest, moved, others, owner_of, watcher
from process import cpu_ticks, wait_until
from tasks import FINAL, host_of, provision, push
from traffic import get, query, traffic

TEAMS = 100  # owned ones
JOIN_TEAMS, JOIN_CHECK_MS = 1000, 10_000  # many, so that the share is not a matter of chance
KILLS, FREEZES = 20, 3
FROZEN_S = 8
STORED_TEAMS, ADDED = 100_000, 200
AWAY_S = 60
FILL_BATCH = 1000
CPU_SECONDS = 10
CHECKED_TEAMS = 300


def percentile(figures: list[float], part: float) -> float:
    return sorted(figures)[math.ceil(part * len(figures)) - 1]


def row(name: str, unit: str, ours: float, asked: float, *, what: str = "") -> dict:
    return {
        "row": name,
        "unit": unit,
        "what": what,
        "ours": harness.rounded(ours, 3),
        "asked": f"<={asked:g}",
        "ok": ours <= asked,
    }


def failed(name: str, load: traffic, seen: watcher | None = None) -> list[dict]:
    """Rows for the requests that failed, and for owners that were two at once."""
    for what in load.failures():
        harness.progress(f"  {what}")
    rows = [row(f"{name}: failed requests", f"of {load.served()}", load.failed(), 0)]
    if seen is not None:
        for what in seen.wrong:
            harness.progress(f"  {what}")
        rows.append(row(f"{name}: double owners", f"in {seen.looks} looks", len(seen.wrong), 0))
    return rows


def hosts(nodes: list[cluster_node]) -> list[str]:
    return [n.host for n in nodes]


# -- rows --------------------------------------------------------------------------------------------


def kill(folder: Path) -> list[dict]:
    """kill -9 of the node that owns the janitor's work: until all it owned has other owners."""
    took_ms: list[float] = []
    rows: list[dict] = []
    failures = served = 0
    with cluster(folder) as c:
        total = add_owned_teams(c, TEAMS)
        for number in range(KILLS):
            victim = owner_of(c)
            held = c.owned_by(victim.folder.name)
            with traffic(hosts(others(c, victim)), "team-0") as load:
                time.sleep(0.3)
                victim.kill9()
                took_ms.append(c.wait_taken(held, victim.folder.name, 10) * 1000)
                c.wait_owned(total)
                time.sleep(0.3)
            failures, served = failures + load.failed(), served + load.served()
            for what in load.failures():
                harness.progress(f"  {what}")
            harness.progress(f"  kill {number + 1}: {len(held)} owners in {took_ms[-1]:.0f} ms")
            victim.start()
            c.wait_formed()
            at_rest(c)
    what = f"median {percentile(took_ms, 0.5):.0f} ms"
    rows.append(row("kill: takeover, p99", "ms", percentile(took_ms, 0.99), 1000, what=what))
    rows.append(row("kill: failed requests", f"of {served}", failures, 0))
    return rows


def freeze(folder: Path) -> list[dict]:
    """SIGSTOP: until all it owned has other owners; it wakes up 8 s later."""
    took_s: list[float] = []
    with cluster(folder) as c:
        total = add_owned_teams(c, TEAMS)
        with watcher(c) as seen:
            failures = served = 0
            for _ in range(FREEZES):
                victim = owner_of(c)
                held = c.owned_by(victim.folder.name)
                with traffic(hosts(others(c, victim)), "team-0") as load:
                    began = time.monotonic()
                    victim.freeze()
                    took_s.append(c.wait_taken(held, victim.folder.name, 15))
                    time.sleep(max(0.0, FROZEN_S - (time.monotonic() - began)))
                    victim.thaw()
                    c.wait_formed()
                    c.wait_owned(total)
                failures, served = failures + load.failed(), served + load.served()
                harness.progress(f"  freeze: {len(held)} owners in {took_s[-1]:.2f} s")
                at_rest(c)
    return [
        row("freeze: takeover, longest", "s", max(took_s), 6),
        row("freeze: failed requests", f"of {served}", failures, 0),
        row("freeze: double owners", f"in {seen.looks} looks", len(seen.wrong), 0),
    ]


def join(folder: Path) -> list[dict]:
    """A fourth node: the part of the owners that moves; then it drains."""
    with cluster(folder) as c:
        total = add_owned_teams(c, JOIN_TEAMS, check_ms=JOIN_CHECK_MS)
        before = c.owners()
        with watcher(c) as seen, traffic(hosts(c.running()), "team-0") as load:
            joined = c.add().start()
            c.wait_formed()
            wait_until(lambda: c.owned_by(joined.folder.name), 20, "its share")
            after = at_rest(c)
        share = moved(before, after) / total
        rows = [row("join: moved owners", "of 1", share, 1 / 4 + 0.05)]
        rows += failed("join", load, seen)

        held = c.owned_by(joined.folder.name)
        with traffic(hosts(c.running()), "team-0", until_gone=joined.host) as load:
            time.sleep(0.3)
            joined.admin("/api/drain", "POST")
            took = c.wait_taken(held, joined.folder.name, 30)
            status = joined.process.wait_end(30)
            c.wait_owned(total)
        rows.append(row("drain: owners moved", "s", took, 15, what="a tenth of them in a second"))
        rows.append(row("drain: exit status", "", status, 0))
        return rows + failed("drain", load)


def store_away(folder: Path) -> list[dict]:
    """Redis is away for a minute under traffic, and a node dies meanwhile."""
    with cluster(folder) as c:
        total = add_owned_teams(c, TEAMS)
        victim = c[3]
        with traffic(hosts(others(c, victim)), "team-0") as load:
            c.store.kill9()
            time.sleep(AWAY_S / 2)
            victim.kill9()
            time.sleep(AWAY_S / 2)
            c.store.start()
            back = time.monotonic()
            c.wait_formed()
            c.wait_owned(total)
            healed = time.monotonic() - back
        return [row("redis away: healed", "s", healed, 15)] + failed("redis away", load)


def fill(c: cluster, teams: int) -> None:
    """As a node would have stored them, before any node starts."""
    for first in range(0, teams, FILL_BATCH):
        slugs = [f"stored-{n}" for n in range(first, min(first + FILL_BATCH, teams))]
        specs = {slug: json.dumps({"slug": slug, "web": [c.upstream]}) for slug in slugs}
        c.redis.hset("stagedoor:teams", mapping=specs)


def added_after(c: cluster, slug: str) -> float:
    """Seconds from the LPUSH to the end of the task, which is the sender's answer."""
    began = time.monotonic()
    key = f"task:{push(c.redis, provision(slug, web=[c.upstream]))}"
    while (status := c.redis.hget(key, "status")) not in FINAL:
        if time.monotonic() > began + 10:
            break
    took = time.monotonic() - began
    if status != "completed":
        raise harness.bench_error(f"{slug}: {c.redis.hgetall(key)}")
    return took


def rest(c: cluster) -> None:
    """Until the nodes have read what is stored: they serve meanwhile, and add more slowly."""
    began = time.monotonic()
    while True:
        before = [cpu_ticks(n.pid) for n in c.running()]
        time.sleep(1)
        if all(cpu_ticks(n.pid) - ticks < 10 for n, ticks in zip(c.running(), before)):
            break
        if time.monotonic() - began > 60:
            raise harness.bench_error("the nodes never came to rest")
    harness.progress(f"  at rest after {time.monotonic() - began - 1:.0f} s")


def hot_add(folder: Path) -> list[dict]:
    """From the LPUSH of a task to the sender's answer, with 100,000 teams; then all have it."""
    took_ms: list[float] = []
    late = 0
    c = cluster(folder)
    try:
        c.store.start()
        fill(c, STORED_TEAMS)
        c.start()
        rest(c)
        for number in range(ADDED + 5):
            slug = f"added-{number}"
            took = added_after(c, slug)
            if number >= 5:  # the first ones load scripts
                took_ms.append(took * 1000)
            for n in c.running():
                live = get(n.host, slug) == 200 and query(n.host, host_of(slug)) is not None
                late += not live
    finally:
        c.close()
    what = f"median {percentile(took_ms, 0.5):.1f} ms, longest {max(took_ms):.1f} ms"
    return [
        row("hot-add: sender's answer, p99", "ms", percentile(took_ms, 0.99), 20, what=what),
        row("hot-add: not yet live somewhere", f"of {3 * (ADDED + 5)}", late, 0),
    ]


def capacity(folder: Path) -> list[dict]:
    """CPU for owned work on the busiest of three nodes, against one that has it all."""
    busiest: dict[int, float] = {}
    for size in (1, 3):
        with cluster(folder / str(size), size) as c:
            resting = {n.pid: 0 for n in c.running()}
            add_owned_teams(c, CHECKED_TEAMS)
            at_rest(c)
            before = {pid: cpu_ticks(pid) for pid in resting}
            time.sleep(CPU_SECONDS)
            busiest[size] = max(cpu_ticks(pid) - ticks for pid, ticks in before.items())
    what = f"{busiest[1]} and {busiest[3]} ticks in {CPU_SECONDS} s for {CHECKED_TEAMS} teams"
    return [row("capacity: busiest of 3 / alone", "of 1", busiest[3] / busiest[1], 0.6, what=what)]


ROWS: dict[str, Callable[[Path], list[dict]]] = {
    "kill": kill,
    "freeze": freeze,
    "join": join,
    "store-away": store_away,
    "hot-add": hot_add,
    "capacity": capacity,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=ROWS, action="append", help="some rows (repeatable)")
    chosen = parser.parse_args().only or list(ROWS)
    found: list[dict] = []
    for name in chosen:
        harness.progress(f"cluster: {name}")
        with tempfile.TemporaryDirectory(prefix="stagedoor-bench-") as folder:
            try:
                found += ROWS[name](Path(folder))
            except (harness.bench_error, OSError, RuntimeError) as wrong:
                harness.progress(f"cluster: {name}: {wrong}")
                found.append({"row": name, "error": str(wrong)[:500], "ok": False})
    for one in found:
        if "error" in one:
            print(f"{one['row']:<36} FAILED")
            continue
        verdict = "ok" if one["ok"] else "MISSED"
        figures = f"{one['ours']:>10g} {one['unit']:<14} asked {one['asked']:<8}"
        print(f"{one['row']:<36} {figures} {verdict}  {one['what']}")
    return harness.write("cluster", found)


if __name__ == "__main__":
    sys.exit(main())
