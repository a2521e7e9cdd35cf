# SPDX-License-Identifier: Apache-2.0
"""Redis goes away and comes back, or another takes its place."""
import time

from cluster import store_server
from owners import JANITOR, add_owned_teams, others, owner_of, watcher
from process import wait_until
from tasks import provision, run
from traffic import traffic

TEAMS = 30
AWAY_SECONDS = 8  # longer than a lease


def test_what_is_active_is_served_while_redis_is_away(three):
    c = three
    total = add_owned_teams(c, TEAMS)
    with watcher(c) as seen, traffic([n.host for n in c.running()], "team-0") as load:
        c.store.kill9()
        time.sleep(AWAY_SECONDS)
        c.store.start()
        c.wait_formed()
        c.wait_owned(total)
    assert load.served() > 1000 and not load.failures(), load.failures()
    assert not seen.wrong, seen.wrong
    assert run(c.redis, provision("after", web=[c.upstream]))["status"] == "completed"


def test_a_node_that_dies_while_redis_is_away_is_replaced_when_it_is_back(three):
    c = three
    total = add_owned_teams(c, TEAMS)
    victim = owner_of(c)
    with traffic([n.host for n in others(c, victim)], "team-0") as load:
        c.store.kill9()
        victim.kill9()
        time.sleep(AWAY_SECONDS)
        c.store.start()
        c.wait_formed()
        c.wait_owned(total)
    assert not load.failures(), load.failures()


def test_a_promoted_replica_gives_no_fence_twice(three, tmp_path):
    c = three
    total = add_owned_teams(c, TEAMS)
    replica = store_server(tmp_path / "replica", c.net, "replica", replica_of=c.store.host).start()
    try:
        other = replica.client()
        wait_until(lambda: other.hgetall(JANITOR) == c.redis.hgetall(JANITOR), 10, "the replica")
        highest = max(fence for *_, fence in c.owners().values())
        # The replica takes the primary's place and its address, as a virtual address would move.
        c.store.kill9()
        other.replicaof("NO", "ONE")
        c.move_store(replica)
        c.wait_formed()
        c.wait_owned(total)
        moved = [fence for *_, fence in c.owners().values() if fence > highest]
        assert moved and min(moved) > highest + 2**20 - 1, "fences go on far above the old ones"
        assert run(c.redis, provision("after", web=[c.upstream]))["status"] == "completed"
    finally:
        replica.stop()
