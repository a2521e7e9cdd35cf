# SPDX-License-Identifier: Apache-2.0
"""A node is killed, frozen, or cut off: what it owned goes on elsewhere, and nobody else notices."""
import time

from owners import add_owned_teams, others, owner_of, watcher
from process import wait_until
from tasks import FINAL, HIGH, provision, push
from traffic import traffic

TEAMS = 30


def test_what_a_killed_node_owned_is_owned_again_within_a_second(three):
    c = three
    total = add_owned_teams(c, TEAMS)
    victim = owner_of(c)
    held = c.owned_by(victim.folder.name)
    assert len(held) > total / 6, "it owned its share"
    with watcher(c) as seen, traffic([n.host for n in others(c, victim)], "team-0") as load:
        time.sleep(0.5)  # the load is on
        victim.kill9()
        took = c.wait_taken(held, victim.folder.name, 5)
        c.wait_owned(total)
    assert took < 1.0, f"took {took:.3f} s"
    assert load.served() > 100 and not load.failures(), load.failures()
    assert not seen.wrong, seen.wrong

    victim.start()
    c.wait_formed()
    wait_until(lambda: c.owned_by(victim.folder.name), 10, "its share to come back")


def test_tasks_of_a_killed_node_are_done_by_others(three):
    c = three
    victim = owner_of(c)  # the worst case: the one that looks after the tasks of the dead
    # Some are held whenever it dies: each waits for a server that does not answer.
    ids = []
    for n in range(40):
        silent = f"http://{c.net.subnet}.250:80"  # nobody has this address
        ids.append(push(c.redis, provision(f"slow-{n}", web=[silent]), HIGH))
    held = f"*:proc:{victim.folder.name}:*"
    wait_until(
        lambda: sum(c.redis.llen(key) for key in c.redis.scan_iter(held)) > 0, 10, "held tasks"
    )
    victim.kill9()
    for one in ids:
        key = f"task:{one}"
        wait_until(lambda: c.redis.hget(key, "status") in FINAL, 40, f"{key} to end")
        assert c.redis.hget(key, "status") == "completed", c.redis.hgetall(key)
    assert not list(c.redis.scan_iter("*:proc:*")), "nobody holds anything"


def test_a_frozen_node_loses_what_it_owned_and_comes_back_as_another(three):
    c = three
    total = add_owned_teams(c, TEAMS)
    victim = owner_of(c)
    held = c.owned_by(victim.folder.name)
    before = victim.nodes()
    rest = others(c, victim)
    with watcher(c) as seen, traffic([n.host for n in rest], "team-0") as load:
        victim.freeze()
        frozen = time.monotonic()
        took = c.wait_taken(held, victim.folder.name, 8)
        time.sleep(max(0.0, 8 - (time.monotonic() - frozen)))
        proofs = c.owners()
        victim.thaw()
        c.wait_formed()
        c.wait_owned(total)
    assert took < 6.0, f"took {took:.3f} s"
    assert not load.failures(), load.failures()
    assert not seen.wrong, seen.wrong
    run_of = {row["name"]: row["incarnation"] for row in victim.nodes()["nodes"]}
    was = {row["name"]: row["incarnation"] for row in before["nodes"]}
    assert run_of[victim.folder.name] != was[victim.folder.name], "it joined again as another"
    # Nothing that it wrote when it woke up counted: whoever had taken over kept what it had, or
    # gave it away under a higher fence.
    for key in held:
        holder, _, fence = c.owners()[key]
        assert (holder, fence) == (proofs[key][0], proofs[key][2]) or fence > proofs[key][2]


def test_a_node_without_its_peers_keeps_what_it_owns(three):
    c = three
    total = add_owned_teams(c, TEAMS)
    before = c.owners()
    with watcher(c) as seen, traffic([n.host for n in c.running()], "team-0") as load:
        c.part(c[1], c[2])
        wait_until(
            lambda: "up" not in [r["link"] for r in c[1].nodes()["nodes"] if r["name"] == "node-2"],
            10,
            "the link to be down",
        )
        time.sleep(6)  # longer than a lease
        assert c.owners() == before, "Redis reaches all: no reason to move anything"
        assert all(n.is_member() for n in c.running())
        c.unpart(c[1], c[2])
        c.wait_formed()
    assert len(c.owners()) == total
    assert not load.failures() and not seen.wrong, (load.failures(), seen.wrong)


def test_one_way_silence_is_a_broken_link_and_nothing_else(three):
    c = three
    total = add_owned_teams(c, 6)
    c.net.mute("node-1", "node-2")
    for one, other in ((c[1], "node-2"), (c[2], "node-1")):
        wait_until(
            lambda: "up" not in [r["link"] for r in one.nodes()["nodes"] if r["name"] == other],
            15,
            f"{one.folder.name} to know that its link is down",
        )
    assert all(n.is_member() for n in c.running()) and len(c.owners()) == total
    c.net.unmute("node-1", "node-2")
    c.wait_formed()


def test_a_node_without_redis_owns_nothing_and_serves_on(three):
    c = three
    total = add_owned_teams(c, TEAMS)
    victim = owner_of(c)
    with watcher(c) as seen, traffic([n.host for n in c.running()], "team-0") as load:
        c.cut_from_store(victim)
        cut = time.monotonic()
        wait_until(lambda: not victim.is_member(), 8, "it to know")
        wait_until(lambda: victim.owned() == 0, 8, "it to own nothing")
        knew = time.monotonic() - cut
        c.wait_taken(set(c.owners()), victim.folder.name, 8)
        time.sleep(1)
        c.rejoin_store(victim)
        c.wait_formed()
        c.wait_owned(total)
    # The fence is 3 s after the last renewal was sent, and looked at each 250 ms.
    assert knew < 4.0, f"owned for {knew:.3f} s after the cut"
    assert not load.failures() and not seen.wrong, (load.failures(), seen.wrong)
    wait_until(lambda: c.owned_by(victim.folder.name), 10, "its share to come back")
