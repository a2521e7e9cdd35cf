# SPDX-License-Identifier: Apache-2.0
"""Nodes find each other, and what is added on one is live on all when its sender knows."""
import json

import pytest
from process import wait_until
from tasks import deprovision, host_of, provision, run
from traffic import get, query


@pytest.mark.parametrize("size", [3, 5])
def test_nodes_find_each_other_and_a_team_is_live_on_all(make_cluster, size):
    c = make_cluster(size)
    names = {f"node-{n}" for n in range(1, size + 1)}
    for one in c.running():
        shown = json.loads(one.command("nodes", "--json").stdout)
        assert shown["member"] and shown["self"] == one.folder.name
        assert {row["name"] for row in shown["nodes"]} == names
        assert all(row["lease_age_ms"] < 4000 for row in shown["nodes"]), shown

    done = run(c.redis, provision("by-queue", web=[c.upstream]))
    assert done["status"] == "completed", done
    by_queue = c.live_on("by-queue")
    assert {status for status, _ in by_queue.values()} == {200}, by_queue
    assert None not in {address for _, address in by_queue.values()}, by_queue

    said = c[2].command("team", "add", "by-hand", "--web", c.upstream)
    assert said.returncode == 0, said.stderr
    by_hand = c.live_on("by-hand")
    assert {status for status, _ in by_hand.values()} == {200}, by_hand
    assert None not in {address for _, address in by_hand.values()}, by_hand

    assert c[1].command("team", "remove", "by-hand").returncode == 0
    assert set(c.live_on("by-hand").values()) == {(404, None)}
    done = run(c.redis, deprovision("by-queue"))
    assert done["status"] == "completed", done
    assert set(c.live_on("by-queue").values()) == {(404, None)}


def test_a_node_that_was_away_knows_what_was_added(three):
    c = three
    run(c.redis, provision("before", web=[c.upstream]))
    c[3].stop()
    run(c.redis, provision("meanwhile", web=[c.upstream]))
    run(c.redis, deprovision("before"))
    c[3].start()
    assert get(c[3].host, "meanwhile") == 200
    assert query(c[3].host, host_of("meanwhile")) is not None
    assert get(c[3].host, "before") == 404


def test_a_node_that_was_cut_from_its_peers_and_redis_catches_up(three):
    c = three
    run(c.redis, provision("before", web=[c.upstream]))
    c.net.unplug("node-3")
    wait_until(lambda: c[1].sees({"node-1", "node-2"}), 15, "the end of node-3's lease")
    done = run(c.redis, provision("meanwhile", web=[c.upstream]))
    assert done["status"] == "completed", done
    c.net.plug("node-3")
    c.wait_formed()
    wait_until(lambda: get(c[3].host, "meanwhile") == 200, 10, "the team on node-3")
    wait_until(lambda: query(c[3].host, host_of("meanwhile")), 10, "its name on node-3")


def test_the_tree_of_any_node_is_shown_by_every_other(three):
    for one in three.running():
        for other in three.running():
            said = one.command("tree", "--node", other.folder.name, "--json")
            assert said.returncode == 0, said.stderr
            ids = {row["id"] for row in json.loads(said.stdout)["tree"]}
            assert {"cluster", "queues", "teams"} <= ids
    said = three[1].command("tree", "--node", "nobody")
    assert said.returncode != 0 and "nobody" in said.stderr
