# SPDX-License-Identifier: Apache-2.0
"""Owned work of a cluster: making some, and watching whose it is."""
import threading
import time

from cluster import cluster, cluster_node
from process import wait_until
from tasks import FINAL, provision, push

JANITOR = "stagedoor:owner:janitor:queues:0"
CHECK_MS = 1000
TASK_SECONDS = 30
LOOK_S = 0.02  # between two looks of the watcher

owner_records = dict[str, tuple[str, str, int]]  # as cluster.owners()


def add_owned_teams(c: cluster, count: int, *, check_ms: int = CHECK_MS) -> int:
    """Adds team-0 to team-<count - 1>, whose servers are checked by their owner; how much is owned
    then, with the janitor's work."""
    health = {"path": "/", "interval_ms": check_ms}
    ids = [
        push(c.redis, provision(f"team-{n}", web=[c.upstream], health=health)) for n in range(count)
    ]
    for one in ids:
        key = f"task:{one}"
        wait_until(lambda: c.redis.hget(key, "status") in FINAL, TASK_SECONDS, key)
        if c.redis.hget(key, "status") != "completed":
            raise RuntimeError(f"{key}: {c.redis.hgetall(key)}")
    c.wait_owned(count + 1)
    return count + 1


def owner_of(c: cluster, key: str = JANITOR) -> cluster_node:
    holder = wait_until(lambda: c.owners().get(key), 10, f"an owner of {key}")[0]
    return c.nodes[holder]


def others(c: cluster, one: cluster_node) -> list[cluster_node]:
    return [n for n in c.running() if n is not one]


def moved(before: owner_records, after: owner_records) -> int:
    return sum(before[key][0] != after[key][0] for key in before)


def at_rest(c: cluster, seconds: float = 2, deadline_s: float = 30) -> owner_records:
    """The owners, once nothing has moved for so long."""
    began = since = time.monotonic()
    last = c.owners()
    while time.monotonic() - since < seconds:
        if time.monotonic() - began > deadline_s:
            raise TimeoutError("the owners never came to rest")
        time.sleep(0.1)
        if (now := c.owners()) != last:
            last, since = now, time.monotonic()
    return last


class watcher:
    """Looks at the owner records while the block runs: each change of an owner must come with a
    higher fence, so that at each moment one of them counts. `wrong` is what did not."""

    def __init__(self, c: cluster):
        self._c, self._end = c, threading.Event()
        self.wrong: list[str] = []
        self.looks = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        import redis

        seen: owner_records = {}
        while not self._end.wait(LOOK_S):
            try:
                found = self._c.owners()
            except redis.RedisError:
                continue  # it is away, which may be what the test is about
            self.looks += 1
            for key, now in found.items():
                before = seen.get(key, now)
                if now[2] < before[2] or (now[:2] != before[:2] and now[2] == before[2]):
                    self.wrong.append(f"{key}: {before} -> {now}")
                seen[key] = now

    def __enter__(self) -> "watcher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(15)
        if self.looks == 0:
            self.wrong.append("nobody looked")
