# SPDX-License-Identifier: Apache-2.0
"""The demo on three nodes: they share one Redis, know each other by certificates, and one of them
is killed while clients ask the others."""
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import steps
from steps import DOMAIN, title

from node import CLUSTER, PORTS, REDIS, binary, node  # noqa: I001  (steps puts it on the path)
from process import HOST, child, free_port_offset, wait_until

NAMES = ("node-1", "node-2", "node-3")
BAR_MS = 30.0  # three nodes on one machine, each of which has the team before the sender knows
ASKED_A_SECOND = 100
TAKEOVER_SECONDS = 10
CHECKED = 12  # teams whose servers are checked by one node each: that is what is owned


@contextmanager
def started(root: Path) -> Iterator[list[node]]:
    with ExitStack() as stack:
        offsets = []
        for _ in NAMES:
            offsets.append(free_port_offset(PORTS) if not offsets else offsets[-1] + 10)
        store_port = REDIS + offsets[0]
        title("One Redis for all, and an authority that the nodes know each other by")
        store = ["redis-server", "--bind", HOST, "--port", str(store_port), "--save", ""]
        stack.enter_context(child([*store, "--dir", root], root / "redis.log")).wait_for_port(
            store_port
        )
        certificates = root / "cluster"
        steps.show([str(binary()), "cluster", "init", "--dir", str(certificates)])
        for name in NAMES:
            steps.show([str(binary()), "cluster", "add", name, "--dir", str(certificates)])
        nodes = []
        for name, offset in zip(NAMES, offsets):
            settings = {
                "redis": {"managed": False, "url": f"redis://{HOST}:{store_port}/0"},
                "cluster": {
                    "listen": f"{HOST}:{CLUSTER}",
                    "advertise": f"{HOST}:{CLUSTER + offset}",
                    "certificate": str(certificates / name / "node.crt"),
                    "key": str(certificates / name / "node.key"),
                    "ca": str(certificates / name / "ca.crt"),
                },
            }
            one = node.with_examples(root / name, offset=offset, settings=settings)
            nodes.append(stack.enter_context(one))
        wait_until(lambda: all(map(knows_all, nodes)), 20, "the links between the nodes")
        yield nodes


def knows_all(n: node) -> bool:
    said = n.command("nodes", "--json")
    if said.returncode != 0:
        return False
    links = {row["name"]: row["link"] for row in json.loads(said.stdout)["nodes"]}
    return set(links) == set(NAMES) and set(links.values()) <= {"self", "up"}


def owners(n: node) -> dict[tuple[str, str], str]:
    """What is owned, and by which node."""
    rows = json.loads(n.command("owners", "--json").stdout)["owners"]
    placed = [row for row in rows if row["kind"] in ("team", "janitor")]
    return {(row["kind"], f"{row['id']}/{row['slot']}"): row["node"] for row in placed}


class clients(threading.Thread):
    """Asks one node for team-a all the time."""

    def __init__(self, n: node):
        super().__init__(daemon=True)
        self.answered = self.failed = 0
        self._node, self._end = n, threading.Event()

    def run(self) -> None:
        link = steps.https_link(self._node)
        while not self._end.wait(1 / ASKED_A_SECOND):
            try:
                link.request("GET", "/api/boards", headers={"Host": f"team-a.{DOMAIN}"})
                answer = link.getresponse()
                answer.read()
                self.answered += answer.status == 200
                self.failed += answer.status != 200
            except OSError:
                self.failed += 1
                link.close()
        link.close()

    def stop(self) -> None:
        self._end.set()
        self.join(10)


def show(nodes: list[node], api: int, web: int) -> None:
    command = [str(binary()), "--config", str(nodes[1].config)]
    title("The nodes, as node-2 sees them")
    steps.show([*command, "nodes"])
    steps.main_job(nodes[0], api, web, BAR_MS)

    title("team-a was pushed once, and every node has it")
    for n in nodes:
        host = f"team-a.{DOMAIN}"
        resolve = ["--resolve", f"{host}:{n.https_port}:{HOST}"]
        curl = ["curl", "--silent", "--insecure", "--fail", *resolve]
        steps.show([*curl, f"https://{host}:{n.https_port}/api/boards"])
        dig = ["dig", f"@{HOST}", "-p", str(n.dns_port), "+short"]
        if not steps.show([*dig, host]).strip():
            raise SystemExit(f"{n.folder.name} does not know {host}")

    title(f"{CHECKED} teams are checked, each by the node that owns it")
    checked = ["--health-path", "/", "--health-interval-ms", "1000"]
    for number in range(CHECKED):
        added = nodes[number % 3].command(
            "team", "add", f"checked-{number}", "--web", f"http://{HOST}:{web}", *checked
        )
        if added.returncode != 0:
            raise SystemExit(added.stderr)
    wait_until(lambda: len(owners(nodes[0])) >= CHECKED + 1, 20, "their owners")
    steps.show([*command, "owners"])
    kill_one(nodes)


def kill_one(nodes: list[node]) -> None:
    held = owners(nodes[0])
    victim = next(n for n in nodes if n.folder.name == held[("janitor", "queues/0")])
    rest = [n for n in nodes if n is not victim]
    lost = {key for key, name in held.items() if name == victim.folder.name}
    title(f"kill -9 of {victim.folder.name}, which owns {len(lost)} pieces of work")
    asking = [clients(n) for n in rest]
    for one in asking:
        one.start()
    time.sleep(1)
    began = time.monotonic()
    victim.kill9()
    names = {n.folder.name for n in rest}
    wait_until(
        lambda: all(owners(rest[0]).get(key) in names for key in lost), TAKEOVER_SECONDS, "owners"
    )
    took_ms = (time.monotonic() - began) * 1000
    time.sleep(1)
    for one in asking:
        one.stop()
    answered, failed = sum(o.answered for o in asking), sum(o.failed for o in asking)
    print(f"  all of it is owned by the others after {took_ms:.0f} ms")
    print(f"  requests to the others meanwhile: {answered} answered, {failed} failed")
    if failed:
        raise SystemExit("a request to a node that was not killed failed")
    steps.show([str(binary()), "--config", str(rest[0].config), "nodes"])

    title(f"{victim.folder.name} comes back and takes its share")
    victim.start()
    wait_until(lambda: all(map(knows_all, nodes)), 20, "the links to it")
    wait_until(
        lambda: victim.folder.name in owners(rest[0]).values(), 20, "its share of the owners"
    )
    steps.show([str(binary()), "--config", str(victim.config), "owners"])
