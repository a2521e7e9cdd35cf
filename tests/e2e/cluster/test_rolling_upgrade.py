# SPDX-License-Identifier: Apache-2.0
"""A cluster goes from one release to the next, node by node, while its clients go on.

What a node owned goes to the others while it is replaced: see "an upgrade" in ARCHITECTURE.md.
"""
import itertools
import socket
import time
from collections import Counter
from http.client import HTTPConnection

from cluster import cluster, cluster_node
from node import HTTP, binary, other_release
from owners import add_owned_teams, others, owner_of, watcher
from process import wait_until
from tasks import host_of, outcome, provision, push, run
from traffic import attempts, get, producer, query, traffic

TEAMS = 30
STORED, ACTIVE = 400, 350  # teams; not all fit, so that they are looked up when asked for
SLUG = "team-0"
ANSWER_SECONDS = 10
THIS, NEXT = (1, 1), (1, 2)  # what the releases speak


class load(attempts):
    """Clients of each kind at each node, which forgive nothing, and a producer of tasks."""

    def __init__(self, c: cluster):
        self.producer = producer(lambda: c.redis, [c.upstream])
        kinds = {"tasks": self.producer}
        for name, n in c.nodes.items():
            kinds[f"kept {name}"] = self._kept(n)
            kinds[f"new {name}"] = lambda n=n: self._expect_site(get(n.host, SLUG))
            for over in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                kinds[f"{over.name} {name}"] = lambda n=n, over=over: self._expect_name(n, over)
        super().__init__(kinds, pause_s=0.02)

    @staticmethod
    def _expect_site(status: int) -> None:
        assert status == 200, status

    def _expect_name(self, n: cluster_node, over: socket.SocketKind) -> None:
        assert query(n.host, host_of(SLUG), over=over) is not None, "no such name"

    def _kept(self, n: cluster_node):
        link = HTTPConnection(n.host, HTTP, timeout=ANSWER_SECONDS)

        def attempt() -> None:
            link.request("GET", "/", headers={"Host": host_of(SLUG)})
            answer = link.getresponse()
            answer.read()
            self._expect_site(answer.status)

        return attempt

    def __enter__(self) -> "load":
        self.wait_for_more()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def check(self) -> None:
        assert self.failures == Counter(), self.failures
        self.producer.check()
        tasks = len(self.producer.tasks)
        print(f"no failure in {sum(self.done.values())} attempts, {tasks} of them tasks")


def replace(c: cluster, n: cluster_node, release) -> None:
    """By another process, of that release."""
    name, old = n.folder.name, n.process
    held, before = c.owned_by(name), c.owners()
    n.program = release
    began = time.monotonic()
    n.take_over()
    took = time.monotonic() - began

    def owned_again() -> bool:
        now = c.owners()
        return all(key in now and now[key][:2] != before[key][:2] for key in held)

    wait_until(owned_again, 10, "other owners")
    print(f"{name}: serves after {took:.2f} s; {len(held)} owners")
    assert old.wait_end(30) == 0, "the old process ends cleanly"


def speaks(c: cluster, ranges: dict[str, tuple[int, int]]) -> None:
    """Each node says what it speaks and has agreed with each other on the highest of both."""
    for one in c.running():
        own = ranges[one.folder.name]
        for row in one.nodes()["nodes"]:
            theirs = ranges[row["name"]]
            assert (row["speaks"]["lowest"], row["speaks"]["highest"]) == theirs, row
            agreed = None if row["link"] == "self" else min(own[1], theirs[1])
            assert row["protocol"] == agreed, row


def hot_add(c: cluster, n: cluster_node, slug: str) -> None:
    said = n.command("team", "add", slug, "--web", c.upstream)
    assert said.returncode == 0, said.stderr
    live = c.live_on(slug)
    assert {status for status, _ in live.values()} == {200}, live
    assert None not in {address for _, address in live.values()}, live


def test_three_nodes_go_to_the_next_release_and_one_back_and_nothing_fails(three):
    c = three
    total = add_owned_teams(c, TEAMS)
    ranges = dict.fromkeys(c.nodes, THIS)
    steps = [(c[1], NEXT), (c[2], NEXT), (c[3], NEXT), (c[1], THIS)]
    with watcher(c) as seen, load(c) as clients:
        for number, (n, release) in enumerate(steps):
            replace(c, n, binary() if release == THIS else other_release("next"))
            ranges[n.folder.name] = release
            c.wait_formed()
            c.wait_owned(total)
            speaks(c, ranges)
            hot_add(c, n, f"by-upgraded-{number}")
            hot_add(c, others(c, n)[0], f"by-other-{number}")
            clients.wait_for_more()
    assert not seen.wrong, seen.wrong
    clients.check()


def test_nodes_that_stop_and_start_as_the_next_release_are_not_missed(three):
    """Without handing over: who is told to leave gives its owners away and ends; its clients go
    elsewhere, as a load balancer's would, and come back when it serves again."""
    c = three
    total = add_owned_teams(c, TEAMS)
    tasks: list[str] = []

    def produce() -> None:
        for number in range(20):
            team = provision(f"{n.folder.name}-{number}", web=[c.upstream])
            tasks.append(push(c.redis, team))

    with watcher(c) as seen:
        for n in c.running():
            hosts = [one.host for one in c.running()]
            with traffic(hosts, SLUG, until_gone=n.host) as clients:
                produce()
                began = time.monotonic()
                assert n.command("drain").returncode == 0
                assert n.process.wait_end(30) == 0, n.log_text()[-2000:]
                drained = time.monotonic() - began
                produce()
                n.program = other_release("next")
                n.start()
                back = time.monotonic() - began
                c.wait_formed()
                c.wait_owned(total)
            assert not clients.failures(), clients.failures()
            assert get(n.host, SLUG) == 200
            print(f"{n.folder.name}: ended after {drained:.2f} s, serves after {back:.2f} s")
    assert not seen.wrong, seen.wrong
    speaks(c, dict.fromkeys(c.nodes, NEXT))
    ends = Counter(outcome(c.redis, task, 30)["status"] for task in tasks)
    assert ends == Counter(completed=len(tasks)), ends


def test_a_release_with_nothing_in_common_is_refused_and_both_sides_say_why(three):
    c = three
    total = add_owned_teams(c, TEAMS)
    far = c.add("node-9")
    far.program = other_release("far")
    old = [c[1], c[2], c[3]]
    why = "no protocol in common"
    with watcher(c) as seen, traffic([n.host for n in old], SLUG) as clients:
        far.start()
        far.wait_for_log(f"{why}: it speaks 1 to 1, this node 8 to 9")
        for n in old:
            n.wait_for_log(f"{why}: it speaks 8 to 9, this node 1 to 1")
        for one in c.running():
            links = {row["name"]: (row["link"], row["link_detail"]) for row in one.nodes()["nodes"]}
            for name, (link, detail) in links.items():
                if (name == far.folder.name) != (one is far):
                    assert link == "down" and why in detail, links
                else:
                    assert link in ("self", "up"), links
        shown = c[1].command("nodes").stdout
        assert why in shown and "9.0.0-test" in shown, shown
        # What needs no words between nodes goes on: the store keeps one owner each, and has the
        # teams that a node was not told of.
        c.wait_owned(total)
        assert c[1].command("team", "add", "later", "--web", c.upstream).returncode == 0
        wait_until(lambda: get(far.host, "later") == 200, 10, "the team on the far node")
        time.sleep(2)  # it is not tried again
        assert run(c.redis, provision("by-queue", web=[c.upstream]))["status"] == "completed"
    for one in c.running():
        refusals = one.log_text().count("no link to a node")
        assert refusals == (3 if one is far else 1), refusals
        assert 'reason="no protocol in common"' not in one.log_text(), "nobody even dialled"
    assert not clients.failures() and not seen.wrong, (clients.failures(), seen.wrong)


def test_a_successor_that_dies_without_redis_changes_nothing(three):
    c = three
    total = add_owned_teams(c, TEAMS)
    n = owner_of(c)
    with watcher(c) as seen, load(c) as clients:
        c.cut_from_store(n)  # or it would be ready before it can be killed
        other = n.successor()
        wait_until(lambda: "a successor is ready" in n.log_text(), 20, "it to own nothing")
        c.wait_taken(set(c.owners()), n.folder.name, 10)
        other.kill9()
        n.wait_for_log("not replaced, owns again")
        c.rejoin_store(n)
        c.wait_formed()
        c.wait_owned(total)
        wait_until(lambda: c.owned_by(n.folder.name), 10, "its share to come back")
        hot_add(c, n, "after-all")
        clients.wait_for_more()
    assert not seen.wrong, seen.wrong
    clients.check()


def test_teams_that_are_not_in_memory_are_found_by_both_processes(make_cluster):
    c = make_cluster(2, settings={"teams": {"active": ACTIVE}})
    for number in range(STORED):
        push(c.redis, provision(f"cold-{number}", web=[c.upstream]))
    wait_until(lambda: c.redis.hlen("stagedoor:teams") == STORED, 30, "all teams")
    n, other = c[1], c[2]
    n.take_over()  # the fresh process has none of them in memory
    numbers = itertools.cycle(range(STORED))  # none is asked for twice in the life of a process

    def asked(over: socket.SocketKind):
        def attempt() -> None:
            assert query(n.host, host_of(f"cold-{next(numbers)}"), over=over) is not None

        return attempt

    def requested() -> None:
        assert get(n.host, f"cold-{next(numbers)}") == 200

    for _ in range(3):
        kept = [HTTPConnection(n.host, HTTP, timeout=ANSWER_SECONDS) for _ in range(4)]
        for link in kept:
            assert status_of(link, f"cold-{next(numbers)}") == 200
        clients = attempts(
            {"http": requested, "udp": asked(socket.SOCK_DGRAM), "tcp": asked(socket.SOCK_STREAM)},
            pause_s=0.02,
        )
        old = n.process
        clients.wait_for_more()
        n.take_over()
        # These connections are the old process's, for one more request each.
        slug = f"later-{n.pid}"
        assert other.command("team", "add", slug, "--web", c.upstream).returncode == 0
        for link in kept[:2]:
            assert status_of(link, f"cold-{next(numbers)}") == 200
        assert status_of(kept[2], slug) == 200
        assert status_of(kept[3], "nobody") == 404
        wait_until(lambda: clients.done.total() > 50, 20, "traffic with both processes")
        clients.stop()
        assert old.wait_end(30) == 0
        assert clients.failures == Counter(), clients.failures


def status_of(link: HTTPConnection, slug: str) -> int:
    link.request("GET", "/", headers={"Host": host_of(slug)})
    answer = link.getresponse()
    answer.read()
    return answer.status
