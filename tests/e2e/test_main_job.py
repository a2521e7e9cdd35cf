# SPDX-License-Identifier: Apache-2.0
"""The main job on one node, with the contract's own files: a task is pushed, a team is live."""
import json
import re

import pytest
from clients import curl, dig
from process import HOST, wait_until
from tasks import DOMAIN, NORMAL, deprovision, host_of, provision, push, run

ISO_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


@pytest.fixture
def servers(make_nginx):
    """URLs of an API and a web server, two real nginx."""
    _, api = make_nginx("from the api")
    _, web = make_nginx("from the web")
    return {"api": [f"http://{HOST}:{api}"], "web": [f"http://{HOST}:{web}"]}


@pytest.fixture
def node(make_node):
    return make_node(examples=True).start()


def body_of(n, slug: str, path: str) -> bytes:
    return curl(n.url(host_of(slug), path, tls=True)).body


def test_a_pushed_task_makes_a_team_live_everywhere(node, servers):
    done = run(node.redis(), provision("team-x", **servers))
    assert done["status"] == "completed", done
    assert body_of(node, "team-x", "/api/boards") == b"from the api"
    assert body_of(node, "team-x", "/") == b"from the web"
    assert body_of(node, "team-x", "/apiary") == b"from the api"  # a plain prefix, as Traefik's is
    for transport in ([], ["+tcp"]):
        assert dig(node.dns_port, host_of("team-x"), "A", *transport).data("A") == ["127.0.0.1"]
        assert dig(node.dns_port, "team-x.localhost", "A", *transport).data("A") == ["127.0.0.1"]


def test_plain_http_is_redirected_to_https(node, servers):
    run(node.redis(), provision("team-x", **servers))
    answer = curl(node.url(host_of("team-x"), "/some/path?q=1"))
    assert answer.status == 301
    assert answer.header("location") == node.url(host_of("team-x"), "/some/path?q=1", tls=True)


def test_the_task_hash_and_the_events_are_those_of_the_contract(node, servers):
    store = node.redis()
    events = []

    def last_event_came(subscriber) -> bool:
        message = subscriber.get_message(timeout=0.2)
        if message and message["type"] == "message":
            events.append((message["channel"], json.loads(message["data"])))
        return any(c == "tasks:u1" and e["status"] == "completed" for c, e in events)

    with store.pubsub() as subscriber:
        subscriber.subscribe("team:status", "tasks:u1")
        wait_until(lambda: store.pubsub_numsub("tasks:u1")[0][1] == 1, 5, "the subscription")
        task = provision("team-x", **servers)
        done = run(store, task)
        wait_until(lambda: last_event_came(subscriber), 5, "the last event")
    assert done["id"] == task["id"] and done["type"] == "team.provision"
    assert done["percentage"] == "100" and done["step"] == done["total_steps"]
    assert ISO_TIME.match(done["created_at"]) and ISO_TIME.match(done["updated_at"])
    assert 86_000 < store.ttl(f"task:{task['id']}") <= 86_400
    mine = [event for channel, event in events if channel == "tasks:u1"]
    percentages = [int(event["percentage"]) for event in mine]
    assert percentages == sorted(percentages) and percentages[-1] == 100
    assert mine[-1]["status"] == "completed"
    assert {"team": "team-x", "host": host_of("team-x"), "status": "live"} in [
        event for channel, event in events if channel == "team:status"
    ]


def test_a_deprovisioned_team_is_gone_everywhere(node, servers):
    store = node.redis()
    run(store, provision("team-x", **servers))
    assert run(store, deprovision("team-x"), NORMAL)["status"] == "completed"
    assert curl(node.url(host_of("team-x"), "/", tls=True)).status == 404
    assert dig(node.dns_port, host_of("team-x")).status == "NXDOMAIN"
    assert store.hexists("stagedoor:teams", "team-x") is False


def test_an_update_replaces_the_servers(node, servers, make_nginx):
    store = node.redis()
    run(store, provision("team-x", **servers))
    _, other = make_nginx("another server")
    run(store, provision("team-x", web=[f"http://{HOST}:{other}"]))
    assert body_of(node, "team-x", "/") == b"another server"
    assert body_of(node, "team-x", "/api/") == b"another server"  # no API servers any more


def test_the_command_line_does_the_same_over_the_admin_socket(node, servers):
    added = node.command(
        "team", "add", "team-c", "--api", servers["api"][0], "--web", servers["web"][0]
    )
    assert added.returncode == 0, added.stderr
    assert body_of(node, "team-c", "/api/") == b"from the api"
    assert node.command("team", "list").stdout.split() == ["team-c"]
    shown = json.loads(node.command("team", "show", "team-c", "--json").stdout)
    assert shown["host"] == host_of("team-c") and shown["state"] == "live"
    assert node.command("team", "remove", "team-c").returncode == 0
    assert curl(node.url(host_of("team-c"), "/", tls=True)).status == 404
    missing = node.command("team", "remove", "team-c")
    assert missing.returncode == 1 and 'there is no team "team-c"' in missing.stderr


def test_middlewares_of_the_contracts_file_apply_where_a_team_names_them(node, make_nginx):
    _, web = make_nginx("compressible " * 200)
    names = ["secure-headers@file", "rate-limit@file", "compress@file"]
    done = run(node.redis(), provision("team-m", web=[f"http://{HOST}:{web}"], middlewares=names))
    assert done["status"] == "completed", done
    url = node.url(host_of("team-m"), "/", tls=True)
    answer = curl(url, "--header", "Accept-Encoding: gzip")
    assert answer.header("x-frame-options") == "DENY"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("x-xss-protection") == "1; mode=block"
    assert answer.header("strict-transport-security") == "max-age=31536000; includeSubDomains"
    assert answer.header("content-encoding") == "gzip" and len(answer.body) < 500
    # 100 a second with a burst of 50: far more at once is refused in part.
    many = curl(
        url + "?[1-400]", "--parallel", "--parallel-max", "50", "--write-out", "%{http_code}\n"
    )
    assert many.status in (200, 429)
    plain = run(node.redis(), provision("team-p", web=[f"http://{HOST}:{web}"]))
    assert plain["status"] == "completed"
    bare = curl(node.url(host_of("team-p"), "/", tls=True), "--header", "Accept-Encoding: gzip")
    assert bare.header("x-frame-options") is None and bare.header("content-encoding") is None


def test_a_middleware_that_does_not_exist_fails_the_task_and_leaves_nothing(node, servers):
    store = node.redis()
    done = run(store, provision("team-x", middlewares=["ghost@file"], **servers))
    assert done["status"] == "failed" and "ghost@file" in done["error"]
    assert curl(node.url(host_of("team-x"), "/", tls=True)).status == 404
    assert store.hexists("stagedoor:teams", "team-x") is False


def test_teams_survive_a_restart_and_a_kill(node, servers):
    run(node.redis(), provision("team-x", **servers))
    node.restart()
    assert body_of(node, "team-x", "/") == b"from the web"
    node.kill9()
    node.start()
    assert body_of(node, "team-x", "/api/") == b"from the api"
    assert dig(node.dns_port, host_of("team-x")).data("A") == ["127.0.0.1"]


def test_a_ca_that_cannot_be_reached_delays_nothing_and_is_shown(node, servers):
    done = run(node.redis(), provision("team-x", **servers))
    assert json.loads(done["result"])["certificate"].startswith("pending")
    assert body_of(node, "team-x", "/") == b"from the web"

    def pending():
        rows = json.loads(node.command("certificates", "--json").stdout)["certificates"]
        return [
            r for r in rows if r["host"] == host_of("team-x") and r["next_try"] and r["last_error"]
        ]

    wait_until(pending, 20, "the failed order to be shown with its next try")


def test_servers_that_do_not_answer_yet_are_told_and_do_not_fail_the_team(node, servers):
    done = run(node.redis(), provision("team-x", api=["http://127.0.0.1:1"], web=servers["web"]))
    assert done["status"] == "completed"
    assert "127.0.0.1:1" in done["result"] and "refused" in done["result"]
    assert curl(node.url(host_of("team-x"), "/api/", tls=True)).status == 502
    assert body_of(node, "team-x", "/") == b"from the web"


def test_ping_and_the_tree_are_there(node):
    assert curl(f"http://{HOST}:{8080 + node.offset}/ping").body == b"OK"
    tree = json.loads(node.command("tree", "--json").stdout)["tree"]
    names = {row["id"] for row in tree}
    assert {
        "redis",
        "publishers",
        "dns",
        "certificates",
        "teams",
        "queues",
        "providers",
        "admin",
    } <= names
    assert all(row["state"] == "running" for row in tree), tree


def test_upstreams_see_who_asked(node, make_echo):
    echo = make_echo()
    run(node.redis(), provision("team-e", web=[echo.url]))
    url = node.url(host_of("team-e"), "/hello?x=1", tls=True)
    seen = json.loads(curl(url, "--header", "X-Forwarded-For: 6.6.6.6", "--data", "a body").body)
    headers = dict(seen["headers"])
    assert seen["path"] == "/hello?x=1" and seen["body"] == "a body"
    assert headers["host"] == f"{host_of('team-e')}:{node.https_port}"
    assert headers["x-forwarded-for"] == "127.0.0.1"  # what a client claims is not passed on
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-host"] == headers["host"]
    assert headers["x-real-ip"] == "127.0.0.1"
