# SPDX-License-Identifier: Apache-2.0
"""dev bench teams: what 100,000 teams cost: to add one more beside them, and to start with them.

add-team   from the LPUSH of the task to its end and the first 200; a node with 100,000 teams and
           one with 100 take turns, so that the figure is their ratio.
load-teams from the start of the process until a team answers 200 and all teams are live.
cold-start, cold-request, cold-memory: a million teams in the store, of which a node may hold 10,000.
           Seconds from the start of the process until a team answers; p99 of the first requests of
           2,000 teams that nobody asked for before, on one connection; resident memory after
           30,000 teams were asked for, as a multiple of that after 10,000.

The teams are written to the store as a node would have written them, before the node starts.
"""
import http.client
import json
import re
import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import redis

import harness  # noqa: I001  (puts tests/support on the path)
import nginx
from node import node
from process import HOST, POLL_S, child, free_port
from tasks import DOMAIN, FINAL, host_of, provision, push

MANY, FEW, MILLION = 100_000, 100, 1_000_000
ACTIVE = 10_000  # of the million, in memory
COLD = 2_000  # teams asked for the first time
ADDED_A_ROUND = 20
FILL_BATCH = 1000
START_S, STOP_S, ANSWER_S = 120, 90, 15  # deadlines; the bars are below them
TEAMS_KEY = "stagedoor:teams"
LIVE = re.compile(r"stored teams are live.*?teams\D+(\d+).*?took_ms\D+(\d+)")


class store(child):
    """A Redis of its own that keeps nothing on disk: its start is no part of the figures."""

    def __init__(self, folder: Path):
        self.port = free_port()
        folder.mkdir(parents=True)
        options = ["--bind", HOST, "--port", self.port, "--dir", folder, "--save", ""]
        super().__init__(["redis-server", *options], folder / "redis.log", cpu=harness.LOAD_CORE)
        self.wait_for_port(self.port)
        self.client = redis.Redis(HOST, self.port, decode_responses=True, socket_timeout=ANSWER_S)

    def fill(self, teams: int, web: str) -> None:
        """The hash as every version wrote it, and what lists it in order."""
        self.client.hset("stagedoor:teams:state", mapping={"epoch": "bench", "indexed": "some"})
        for first in range(0, teams, FILL_BATCH):
            slugs = [f"team-{n}" for n in range(first, min(first + FILL_BATCH, teams))]
            specs = {slug: json.dumps({"slug": slug, "web": [web]}) for slug in slugs}
            pipeline = self.client.pipeline(transaction=False)
            pipeline.hset(TEAMS_KEY, mapping=specs)
            pipeline.zadd("stagedoor:teams:index", dict.fromkeys(slugs, 0))
            pipeline.execute()


def status_of(n: node, slug: str) -> int:
    connection = http.client.HTTPConnection(HOST, n.http_port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/", headers={"Host": host_of(slug)})
        return connection.getresponse().status
    finally:
        connection.close()


def answers(n: node, slug: str) -> bool:
    try:
        return status_of(n, slug) == 200
    except OSError:
        return False


def wait(condition, seconds: float, what: str, poll_s: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise harness.bench_error(f"waited {seconds:g} s for {what}")
        time.sleep(poll_s)


def resident_kib(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))


@dataclass
class site:
    """A node with so many teams in its store."""

    folder: Path
    redis: store
    web: str
    teams: int
    active: int = 2 * MANY  # at most in memory
    running: node | None = None
    added: int = 0
    log_before: int = 0  # size of the log when the node was started
    live_ms: int = 0  # by the node's own clock

    def launch(self) -> float:
        """Seconds until the last stored team answers 200."""
        settings = {
            "node": {"loops": 1},
            "log": {"level": "info"},
            "redis": {"managed": False, "url": f"redis://{HOST}:{self.redis.port}"},
            "platform": {"domain": DOMAIN, "zones": [], "addresses": [HOST]},
            "teams": {"active": self.active},
        }
        self.running = node(self.folder, cpu=harness.SERVER_CORE, settings=settings)
        # The log goes on in the next round: only what this start adds to it says anything.
        log = self.folder / "node.log"
        self.log_before = log.stat().st_size if log.exists() else 0
        began = time.monotonic()
        self.running.start(seconds=START_S)
        last = f"team-{self.teams - 1}"
        wait(lambda: answers(self.running, last), START_S, f"a 200 of {last}", POLL_S)
        return time.monotonic() - began

    def start(self) -> float:
        """Seconds until a stored team answers 200 and all of them are live."""
        began = time.monotonic()
        self.launch()
        # That one team answers says nothing of the others: it may have been looked up.
        wait(self.live, START_S, "the stored teams to be live", POLL_S)
        took = time.monotonic() - began
        live = self.live()
        if int(live.group(1)) != self.teams:
            raise harness.bench_error(f"{live.group(1)} of {self.teams} teams are live")
        self.live_ms = int(live.group(2))
        return took

    def live(self) -> re.Match | None:
        """What the node that runs now said when its stored teams were live."""
        added = (self.folder / "node.log").read_bytes()[self.log_before :]
        return LIVE.search(added.decode(errors="replace"))

    def stop(self) -> float:
        began = time.monotonic()
        if self.running is not None and self.running.process.stop(STOP_S) != 0:
            raise harness.bench_error(f"no clean end:\n{self.running.log_text()[-2000:]}")
        self.running = None
        return time.monotonic() - began

    def add_one(self) -> float:
        """Milliseconds from the task to the team's first 200."""
        self.added += 1
        slug = f"added-{self.added}"
        client, task = self.redis.client, provision(slug, web=[self.web])
        began = time.monotonic()
        key = f"task:{push(client, task)}"
        wait(lambda: client.hget(key, "status") in FINAL, ANSWER_S, key, 0.0002)
        if (status := client.hget(key, "status")) != "completed":
            raise harness.bench_error(f"{slug}: {status}: {client.hgetall(key)}")
        wait(lambda: answers(self.running, slug), ANSWER_S, f"a 200 of {slug}", 0.0002)
        return (time.monotonic() - began) * 1000


@dataclass
class add_row(harness.row):
    sites: dict[str, site] = field(default_factory=dict)

    def measure_round(self) -> None:
        for _ in range(ADDED_A_ROUND):
            for name, one in self.sites.items():
                self.figures.setdefault(name, []).append(one.add_one())


@dataclass
class load_row(harness.row):
    of: site | None = None

    def measure_round(self) -> None:
        took = self.of.start()
        kib = resident_kib(self.of.running.pid)
        self.figures.setdefault(harness.OURS, []).append(took)
        live_ms, stopped = self.of.live_ms, self.of.stop()
        harness.progress(
            f"  live after {live_ms} ms; resident {kib / 1024:.0f} MiB, "
            f"{kib / self.of.teams:.2f} KiB a team; stopped in {stopped:.2f} s"
        )

    def result(self) -> dict:
        ours = statistics.median(self.figures[harness.OURS])
        return {**super().result(), "asked": f"<{self.asked:g} s", "ok": ours < self.asked}


@dataclass
class cold_row(harness.row):
    """Of a node that has a million teams in its store and few in memory."""

    of: site | None = None
    before: int = 0  # teams asked for so far, from the first on

    def measure_round(self) -> None:
        took = self.of.launch()
        self.before = 0
        try:
            self.figures.setdefault(harness.OURS, []).append(self.figure(took))
        finally:
            self.of.stop()

    def figure(self, start_s: float) -> float:
        return start_s

    def ask_for(self, teams: int) -> list[float]:
        """Milliseconds of each team's first request, on one connection."""
        connection = http.client.HTTPConnection(HOST, self.of.running.http_port, timeout=ANSWER_S)
        took = []
        for number in range(self.before, self.before + teams):
            began = time.monotonic()
            connection.request("GET", "/", headers={"Host": host_of(f"team-{number}")})
            response = connection.getresponse()
            response.read()
            took.append((time.monotonic() - began) * 1000)
            if response.status != 200:
                raise harness.bench_error(f"team-{number}: {response.status}")
        self.before += teams
        connection.close()
        return took

    def result(self) -> dict:
        ours = statistics.median(self.figures[harness.OURS])
        return {**super().result(), "asked": f"<{self.asked:g}", "ok": ours < self.asked}


class request_row(cold_row):
    def figure(self, start_s: float) -> float:
        took = sorted(self.ask_for(COLD))
        harness.progress(f"  median {statistics.median(took):.2f} ms, worst {took[-1]:.2f} ms")
        return took[len(took) * 99 // 100]


class memory_row(cold_row):
    def figure(self, start_s: float) -> float:
        self.ask_for(ACTIVE)
        full = resident_kib(self.of.running.pid)
        self.ask_for(2 * ACTIVE)
        after = resident_kib(self.of.running.pid)
        harness.progress(f"  resident {full / 1024:.0f} MiB, then {after / 1024:.0f} MiB")
        return after / full


def upstream(stack: ExitStack, folder: Path) -> str:
    server, port = nginx.start_upstream(folder / "nginx", "ok", cpu=harness.LOAD_CORE)
    stack.enter_context(server)
    return f"http://{HOST}:{port}"


def filled(stack: ExitStack, folder: Path, web: str, teams: int) -> site:
    own = stack.enter_context(store(folder / f"redis-{teams}"))
    own.fill(teams, web)
    made = site(folder / f"node-{teams}", own, web, teams)
    stack.callback(lambda: made.running and made.running.process.stop(STOP_S))
    return made


def add_team(stack: ExitStack, folder: Path, options) -> harness.row:
    web = upstream(stack, folder)
    row = add_row("add-team", "ms", 1.3)
    for name, teams in ((harness.OURS, MANY), ("with-100", FEW)):
        row.sites[name] = filled(stack, folder, web, teams)
        row.sites[name].start()
        row.sites[name].add_one()  # the first one of a node also loads scripts
    return row


def load_teams(stack: ExitStack, folder: Path, options) -> harness.row:
    return load_row("load-teams", "s", 5, of=filled(stack, folder, upstream(stack, folder), MANY))


def cold(kind: type[cold_row], name: str, unit: str, asked: float):
    def make(stack: ExitStack, folder: Path, options) -> harness.row:
        of = filled(stack, folder, upstream(stack, folder), MILLION)
        of.active = ACTIVE
        return kind(name, unit, asked, of=of)

    return make


ROWS = {
    "add-team": add_team,
    "load-teams": load_teams,
    "cold-start": cold(cold_row, "cold-start", "s", 1),
    "cold-request": cold(request_row, "cold-request", "ms", 5),
    "cold-memory": cold(memory_row, "cold-memory", "x", 1.2),
}


if __name__ == "__main__":
    if "--peers-only" in sys.argv:
        harness.progress("teams: no other program is measured here")
        sys.exit(0)
    sys.exit(harness.main("teams", __doc__, ROWS))
