# SPDX-License-Identifier: Apache-2.0
"""Redis goes away and comes back, or another takes its place."""
import time

from owners import JANITOR, add_owned_teams, at_rest, others, owner_of, watcher
from process import wait_until
from tasks import provision, run
from traffic import traffic

TEAMS = 30
AWAY_SECONDS = 8  # longer than a lease
STOP_SECONDS = 5


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


def test_a_promoted_replica_gives_no_fence_twice(three):
    c = three
    total = add_owned_teams(c, TEAMS)
    replica = c.add_replica()
    with replica.client() as other:
        # Its first replica gives a Redis another name for its history, which is a reason already to
        # assert what is owned.
        before = at_rest(c, 3)
        record = c.redis.hgetall(JANITOR)
        wait_until(lambda: other.hgetall(JANITOR) == record, 10, "the replica to have it all")
    highest = max(fence for *_, fence in before.values())
    c.promote(replica)
    wait_until(
        lambda: min(fence for *_, fence in c.owners().values()) > highest,
        15,
        "all owners to assert what they hold",
    )
    c.wait_formed()
    c.wait_owned(total)
    lowest = min(fence for *_, fence in c.owners().values())
    assert lowest > highest + 2**20 - 1, "fences go on far above the old ones"
    assert run(c.redis, provision("after", web=[c.upstream]))["status"] == "completed"


def test_a_node_that_cannot_reach_the_store_stops_in_time(three):
    c = three
    total = add_owned_teams(c, TEAMS)
    at_rest(c, 3)
    cut = c[2]
    c.cut_from_store(cut)
    time.sleep(1)
    began = time.monotonic()
    assert cut.stop() == 0
    took = time.monotonic() - began
    print(f"stopped after {took:.1f} s")
    assert took < STOP_SECONDS
    c.wait_owned(total)


def test_a_node_that_was_fenced_stops_in_time(three):
    c = three
    cut = c[2]
    c.cut_from_store(cut)
    wait_until(lambda: not cut.is_member(), 20, "the cut node to fence itself")
    began = time.monotonic()
    assert cut.stop() == 0
    took = time.monotonic() - began
    print(f"stopped after {took:.1f} s")
    assert took < STOP_SECONDS
