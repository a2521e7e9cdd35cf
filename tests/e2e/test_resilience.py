# SPDX-License-Identifier: Apache-2.0
"""What must not be lost when something is killed."""
import json
import os
import signal
import time
from collections import Counter
from http.client import HTTPSConnection
from pathlib import Path
from ssl import CERT_NONE, create_default_context

import pytest
from clients import curl, dig
from process import HOST, wait_until
from tasks import DOMAIN, FINAL, HIGH, host_of, provision, push, run
from traffic import attempts

TEAMS = 1000


@pytest.fixture
def web(make_nginx):
    _, port = make_nginx("hello")
    return [f"http://{HOST}:{port}"]


def redis_pid(n) -> int:
    return int(Path(n.folder, "data/redis/redis.pid").read_text().split()[0])


class traffic(attempts):
    """Requests and queries one after the other on a thread each; counts what was not as it should."""

    def __init__(self, n, slug: str):
        kinds = {"http": self._request(n, slug), "dns": self._query(n, slug)}
        super().__init__(kinds, pause_s=0.002)

    @staticmethod
    def _request(n, slug: str):
        context = create_default_context()
        context.check_hostname, context.verify_mode = False, CERT_NONE
        link = HTTPSConnection(HOST, n.https_port, context=context, timeout=5)

        def attempt() -> None:
            link.request("GET", "/", headers={"Host": host_of(slug)})
            answer = link.getresponse()
            body = answer.read()
            if (answer.status, body) != (200, b"hello"):
                raise AssertionError(f"{answer.status} {body!r}")

        return attempt

    @staticmethod
    def _query(n, slug: str):
        def attempt() -> None:
            if dig(n.dns_port, host_of(slug)).data("A") != ["127.0.0.1"]:
                raise AssertionError("not the address")

        return attempt


def test_a_node_killed_among_a_thousand_provisionings_loses_none(make_node, web):
    n = make_node(examples=True).start()
    store = n.redis()
    tasks = [provision(f"t-{i}", web=web) for i in range(TEAMS)]
    with store.pipeline(transaction=False) as pipe:
        for task in tasks:
            pipe.lpush(HIGH, json.dumps(task))
        pipe.execute()
    ids = [task["id"] for task in tasks]

    def ended() -> int:
        with n.redis().pipeline(transaction=False) as pipe:
            for task_id in ids:
                pipe.hget(f"task:{task_id}", "status")
            return sum(status in FINAL for status in pipe.execute())

    wait_until(lambda: ended() > TEAMS // 4, 30, "a quarter of the tasks to end")
    n.kill9()
    assert not n.alive()
    n.start()
    before = ended()
    wait_until(lambda: ended() == TEAMS, 60, "every task to end")
    assert before < TEAMS, "the kill came too late to prove anything"

    store = n.redis()
    live = store.hkeys("stagedoor:teams")
    for task in tasks:
        done = store.hgetall(f"task:{task['id']}")
        slug = task["payload"]["slug"]
        if done["status"] == "completed":
            assert slug in live
        else:
            assert done["error"] and slug not in live
    served = json.loads(n.command("status", "--json").stdout)
    assert served["teams"]["known"] == str(len(live))
    for slug in ("t-0", f"t-{TEAMS // 2}", f"t-{TEAMS - 1}"):
        if slug in live:
            assert curl(n.url(host_of(slug), "/", tls=True)).body == b"hello"
            assert dig(n.dns_port, host_of(slug)).data("A") == ["127.0.0.1"]
    assert [key for key in store.scan_iter("*:proc:*") if store.llen(key)] == []


def test_redis_killed_under_traffic_costs_no_request_and_no_query(make_node, web):
    n = make_node(examples=True).start()
    run(n.redis(), provision("team-x", web=web))
    load = traffic(n, "team-x")
    try:
        wait_until(lambda: load.done["http"] > 50 and load.done["dns"] > 5, 20, "traffic")
        old = redis_pid(n)
        os.kill(old, signal.SIGKILL)
        killed = time.monotonic()

        def back() -> bool:
            try:
                return redis_pid(n) != old and n.redis().ping()
            except Exception:
                return False

        wait_until(back, 10, "Redis to be started again")
        up = time.monotonic()
        done = run(n.redis(), provision("team-y", web=web))
        resumed = time.monotonic() - up
        assert done["status"] == "completed"
        assert resumed < 5, f"queue work resumed after {resumed:.1f} s"
        wait_until(lambda: load.done["http"] > 500, 30, "more traffic")
    finally:
        load.stop()
    assert load.failures == Counter(), load.failures
    assert load.done["dns"] > 10
    print(
        f"redis back after {up - killed:.2f} s, a task done {resumed:.2f} s later, {dict(load.done)}"
    )


def test_redis_that_is_away_at_the_start_delays_the_files_by_ten_seconds_at_most(make_node, web):
    n = make_node(
        settings={"redis": {"managed": False, "url": f"redis://{HOST}:1/0"}}, examples=True
    )
    n.start(seconds=20)
    assert curl(n.url("nobody.kanban.domain")).status == 301
    assert dig(n.dns_port, "team-a.localhost").data("A") == ["127.0.0.1"]


def test_two_nodes_cannot_share_a_data_directory(make_node):
    first = make_node(examples=True).start()
    second = first.command("run")
    assert second.returncode == 1
    assert "another node is using this data directory" in second.stderr
    assert first.alive()


def test_a_node_answers_for_its_zones_from_the_first_query_on(make_node):
    records = "".join(f"team-{i} IN A 10.0.{i >> 8}.{i & 255}\n" for i in range(50_000))
    zone = "$TTL 60\n@ IN SOA ns admin ( 1 2 3 4 5 )\n@ IN NS ns\nns IN A 127.0.0.1\n" + records
    n = make_node(
        files={
            "coredns/Corefile": "big.example:53 {\n    file /zones/db.big\n}\n",
            "coredns/zones/db.big": zone,
        }
    )
    n.start(wait_for=(n.dns_port,))
    first = dig(n.dns_port, "team-49999.big.example")
    assert (first.status, first.data("A")) == ("NOERROR", ["10.0.195.79"])
