# SPDX-License-Identifier: Apache-2.0
"""A node is replaced by another process while its clients go on."""
import itertools
import os
import signal
import socket
import stat
import time
from collections import Counter
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from ssl import CERT_NONE, create_default_context

import pytest
import redis
from clients import curl, dig
from process import HOST, runs, wait_until
from tasks import host_of, outcome, provision, push, run
from traffic import attempts, producer

SLUG = "team-x"
# More than fit; and more fit than are asked for within the seconds that count as use.
COLD_TEAMS, ACTIVE_TEAMS = 800, 600
ZONE = 200_000  # records


@pytest.fixture
def web(make_nginx):
    _, port = make_nginx("hello")
    return [f"http://{HOST}:{port}"]


class load(attempts):
    """Clients of each kind, one after the other on a thread each; counts what went wrong."""

    def __init__(self, n, web: list[str]):
        self.producer = producer(n.redis, web)
        super().__init__(
            {
                "https kept": self._kept(n),
                "https new": self._fresh(n),
                "http": self._redirected(n),
                "udp": self._asked(n),
                "tcp": self._asked(n, "+tcp"),
                "tasks": self.producer,
                "cold": self._cold(n),
            }
        )

    @staticmethod
    def _expect(link, status: int, body: bytes | None = None, slug: str = SLUG) -> None:
        link.request("GET", "/", headers={"Host": host_of(slug)})
        answer = link.getresponse()
        got = answer.read()
        assert answer.status == status and body in (None, got), f"{answer.status} {got!r}"

    @staticmethod
    def _https(n) -> HTTPSConnection:
        context = create_default_context()
        context.check_hostname, context.verify_mode = False, CERT_NONE
        return HTTPSConnection(HOST, n.https_port, context=context, timeout=10)

    def _kept(self, n):
        link = self._https(n)
        return lambda: self._expect(link, 200, b"hello")

    def _fresh(self, n):
        def attempt() -> None:
            link = self._https(n)
            self._expect(link, 200, b"hello")
            link.close()

        return attempt

    def _redirected(self, n):
        def attempt() -> None:
            link = HTTPConnection(HOST, n.http_port, timeout=10)
            self._expect(link, 301)
            link.close()

        return attempt

    @staticmethod
    def _asked(n, *options: str):
        def attempt() -> None:
            answer = dig(n.dns_port, host_of(SLUG), "A", "+tries=1", *options)
            assert answer.data("A") == ["127.0.0.1"], answer.status

        return attempt

    def _cold(self, n):
        """One team after the other: more of them than the node keeps active."""
        number = itertools.cycle(range(COLD_TEAMS))

        def attempt() -> None:
            link = HTTPConnection(HOST, n.http_port, timeout=10)
            self._expect(link, 301, slug=f"cold-{next(number)}")
            link.close()
            time.sleep(0.005)

        return attempt


def redis_process(n) -> int:
    return n.redis().info("server")["process_id"]


def start_with_teams(make_node, web):
    n = make_node(examples=True, settings={"teams": {"active": ACTIVE_TEAMS}}).start()
    store = n.redis()
    names = [SLUG, *(f"cold-{i}" for i in range(COLD_TEAMS))]
    for task in [push(store, provision(name, web=web)) for name in names]:
        assert outcome(store, task)["status"] == "completed"
    return n.restart()  # with none of them in memory


def test_two_upgrades_under_load_lose_nothing(make_node, web):
    n = start_with_teams(make_node, web)
    redis_before = redis_process(n)
    traffic = load(n, web)
    try:
        for loops in (1, 3):  # fewer sockets are needed than there are, then more
            traffic.wait_for_more()
            n.change_settings({"node": {"loops": loops}})
            old = n.process
            began = time.monotonic()
            n.take_over()
            print(f"serves after {time.monotonic() - began:.2f} s")
            traffic.wait_for_more()
            assert old.wait_end(30) == 0, "the old process ends cleanly when all is finished"
    finally:
        traffic.stop()
    assert traffic.failures == Counter(), traffic.failures
    traffic.producer.check()
    store = n.redis()
    assert [key for key in store.scan_iter("*:proc:*") if store.llen(key)] == []
    assert redis_process(n) == redis_before, "the managed Redis goes on"
    print(dict(traffic.done))


def test_an_upload_that_was_open_is_finished_by_the_old_process(make_node, make_echo):
    upstream = make_echo()
    n = make_node(examples=True).start()
    run(n.redis(), provision(SLUG, web=[upstream.url]))
    link = load._https(n)
    link.putrequest("POST", "/", skip_host=True)
    link.putheader("Host", host_of(SLUG))
    link.putheader("Content-Length", "10")
    link.endheaders(b"first")
    old = n.process
    n.take_over()
    assert old.alive(), "it has a request to finish"
    link.send(b"later")
    answer = link.getresponse()
    assert answer.status == 200 and b"firstlater" in answer.read()
    assert answer.getheader("Connection") == "close"
    assert old.wait_end(30) == 0


def test_a_successor_that_dies_changes_nothing(make_node, web):
    n = start_with_teams(make_node, web)
    # So large a zone takes it a while, between owning and serving.
    zone = n.folder / "coredns/zones/db.localhost"
    zone.write_text(zone.read_text() + "".join(f"h{i} IN A 127.0.0.1\n" for i in range(ZONE)))
    traffic = load(n, web)
    try:
        traffic.wait_for_more()
        for line in (
            "a successor prepares",
            "a successor is ready",
        ):  # before, and after it may own
            seen = n.log_text().count(line)
            other = n.successor()
            wait_until(lambda: n.log_text().count(line) > seen, 20, line)
            other.kill9()
            wait_until(lambda: n.log_text().count("not replaced") > 0, 30, "the old one to go on")
            traffic.wait_for_more()
        assert n.alive()
    finally:
        traffic.stop()
    assert traffic.failures == Counter(), traffic.failures
    traffic.producer.check()
    n.take_over()
    assert run(n.redis(), provision("team-y", web=web))["status"] == "completed"


def test_a_successor_with_a_bad_configuration_never_asks(make_node, web):
    n = make_node(examples=True).start()
    good = n.config.read_text()
    n.config.write_text("{ node: { nonsense: 1 } }")
    refused = n.command("run", "--take-over")
    assert refused.returncode == 1
    n.config.write_text(good)
    assert n.alive() and "a successor" not in n.log_text()


def test_nothing_is_taken_over_where_nothing_runs(make_node):
    n = make_node(examples=True)
    Path(n.folder, "data").mkdir(exist_ok=True)
    alone = n.command("run", "--take-over")
    assert alone.returncode == 1
    assert "no running node listens there" in alone.stderr


def test_the_door_is_for_its_user_and_strangers_are_shown_out(make_node):
    n = make_node(examples=True).start()
    door = Path(n.folder, "data/handover.sock")
    assert stat.S_IMODE(os.stat(door).st_mode) == 0o600
    os.chdir(door.parent)  # a socket's path has room for 107 bytes
    for said in (b"GET / HTTP/1.1", b"stagedoor-handover 999 x", b"", b"x" * 5000):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
            stranger.settimeout(15)
            stranger.connect(door.name)
            if not said:
                continue
            stranger.send(said)
            try:
                answer = stranger.recv(4096)
            except ConnectionResetError:
                answer = b""
            # What is longer than any message is not read.
            assert answer.startswith(b"refused") or (len(said) > 4096 and not answer)
    n.take_over()
    assert n.alive()


def test_the_service_manager_hears_of_the_new_process(make_node, tmp_path):
    os.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("notify")
        manager.settimeout(20)
        n = make_node(examples=True)
        n.environment = {"NOTIFY_SOCKET": "../notify"}
        n.start()
        assert manager.recv(200).decode() == f"READY=1\nMAINPID={n.pid}"
        n.take_over()
        assert manager.recv(200).decode() == f"READY=1\nMAINPID={n.pid}"
        n.stop()
        assert manager.recv(200).decode() == "STOPPING=1"


def test_a_replaced_process_ends_when_it_is_told_to(make_node, make_echo):
    n = make_node(examples=True).start()
    run(n.redis(), provision(SLUG, web=[make_echo().url]))
    link = load._https(n)
    link.putrequest("POST", "/", skip_host=True)
    link.putheader("Host", host_of(SLUG))
    link.putheader("Content-Length", "10")
    link.endheaders(b"first")  # the rest never comes
    old = n.process
    n.take_over()
    assert runs(old.pid)
    os.kill(old.pid, signal.SIGTERM)
    assert old.wait_end(10) == 0
    assert curl(n.url(host_of(SLUG), tls=True)).status == 200


def test_the_managed_redis_ends_with_the_last_of_the_processes_it_had(make_node):
    n = make_node(examples=True).start()
    running = redis_process(n)
    n.take_over()
    assert runs(running) and redis_process(n) == running
    n.kill9()
    wait_until(lambda: not runs(running), 10, "Redis to end after its node")
    n.start()
    started = redis_process(n)
    n.take_over()
    n.stop()
    assert not runs(started), "a node that stops has stopped its Redis"


def test_a_successor_with_a_redis_of_its_own_leaves_the_managed_one_to_end(
    make_node, make_redis, web
):
    n = make_node(examples=True).start()
    managed = redis_process(n)
    own = make_redis()
    n.change_settings({"redis": {"managed": False, "url": f"redis://{HOST}:{own}/0"}})
    n.take_over()
    wait_until(lambda: not runs(managed), 20, "the managed Redis to end")
    with redis.Redis(HOST, own, decode_responses=True) as store:
        assert run(store, provision(SLUG, web=web))["status"] == "completed"
