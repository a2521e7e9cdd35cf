# SPDX-License-Identifier: Apache-2.0
"""Servers that are ill take no traffic, and are well again when they answer again."""
import json

from clients import curl
from nginx import start_upstream
from process import HOST, wait_until
from tasks import deprovision, host_of, provision, run

HEALTH = {"path": "/health", "interval_ms": 1000}


def states(n, slug: str) -> list[str]:
    return json.loads(n.command("team", "show", slug, "--json").stdout)["servers"]


def test_a_server_that_stops_answering_is_taken_out_and_comes_back(make_node, make_nginx, tmp_path):
    n = make_node(examples=True).start()
    _, good = make_nginx("good")
    ill, port = start_upstream(tmp_path / "ill", "ill")
    urls = [f"http://{HOST}:{good}", f"http://{HOST}:{port}"]
    done = run(n.redis(), provision("team-h", web=urls, health=HEALTH))
    assert done["status"] == "completed", done
    url = n.url(host_of("team-h"), "/", tls=True)
    assert {curl(url).body for _ in range(6)} == {b"good", b"ill"}

    events = n.redis().pubsub()
    events.subscribe("team:status")
    ill.stop()
    wait_until(lambda: any(" down: " in s for s in states(n, "team-h")), 20, "the verdict")
    # The lanes have it a moment later.
    wait_until(lambda: all(curl(url).status == 200 for _ in range(20)), 2, "the ill one to be left")
    said = []

    def told() -> bool:
        message = events.get_message(timeout=0.2)
        if message and message["type"] == "message":
            said.append(json.loads(message["data"]))
        return any(e["status"] == "down" and e["server"] == urls[1] for e in said)

    wait_until(told, 5, "the event")

    again, _ = start_upstream(tmp_path / "again", "ill", port=port)
    with again:
        wait_until(lambda: all(s.endswith(" up") for s in states(n, "team-h")), 20, "recovery")
        assert {curl(url).body for _ in range(6)} == {b"good", b"ill"}


def test_checks_survive_a_restart_and_end_with_their_team(make_node, make_nginx):
    n = make_node(examples=True).start()
    _, good = make_nginx("good")
    urls = [f"http://{HOST}:{good}", f"http://{HOST}:1"]
    run(n.redis(), provision("team-h", web=urls, health=HEALTH))
    n.restart()
    wait_until(lambda: any(" down: " in s for s in states(n, "team-h")), 20, "the verdict")

    def checkers() -> int:
        tree = json.loads(n.command("tree", "--json").stdout)["tree"]
        return next(row["children"] for row in tree if row["id"] == "health_checkers")

    assert checkers() == 1
    run(n.redis(), deprovision("team-h"))
    wait_until(lambda: checkers() == 0, 5, "the checker to end")
    down = json.loads(n.command("status", "--json").stdout)["health"]["servers down"]
    assert down == "0"
