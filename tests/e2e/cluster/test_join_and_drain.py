# SPDX-License-Identifier: Apache-2.0
"""Nodes come and go on purpose: a bounded part of the work moves, and no request fails."""
import time

from process import wait_until
from test_death import JANITOR, owner_of, watcher, with_owned_teams
from traffic import traffic

TEAMS = 100


def moved(before: dict, after: dict) -> int:
    return sum(before[key][0] != after[key][0] for key in before)


def test_a_fourth_node_takes_its_share_and_no_more(three):
    c = three
    total = with_owned_teams(c, TEAMS)
    before = c.owners()
    with watcher(c) as seen, traffic([n.host for n in c.running()], "team-0") as load:
        joined = c.add().start()
        c.wait_formed()
        wait_until(lambda: len(c.owned_by(joined.folder.name)) > total / 10, 20, "its share")
        settled = stable(c)
    assert moved(before, settled) <= total * (1 / 4 + 0.05), moved(before, settled)
    assert all(
        settled[key][0] in (before[key][0], joined.folder.name) for key in before
    ), "nothing moved between the three"
    assert load.served() > 100 and not load.failures(), load.failures()
    assert not seen.wrong, seen.wrong


def test_a_drained_node_gives_all_away_finishes_and_ends(three):
    c = three
    total = with_owned_teams(c, TEAMS)
    leaving = owner_of(c, JANITOR)
    name, held = leaving.folder.name, c.owned_by(leaving.folder.name)
    hosts = [n.host for n in c.running()]
    with watcher(c) as seen, traffic(hosts, "team-0", until_gone=leaving.host) as load:
        time.sleep(0.5)
        began = time.monotonic()
        said = leaving.command("drain")
        assert said.returncode == 0, said.stderr
        took = c.wait_taken(held, name, 20)
        assert leaving.process.wait_end(30) == 0, leaving.log_text()[-2000:]
        ended = time.monotonic() - began
        c.wait_owned(total)
    assert took < 10 and ended < 25, (took, ended)
    assert not load.failures() and not seen.wrong, (load.failures(), seen.wrong)
    c.wait_formed()


def stable(c, seconds: float = 2.0) -> dict:
    """The owners, once nothing has moved for so long."""
    last, since = c.owners(), time.monotonic()
    end = time.monotonic() + 30
    while time.monotonic() - since < seconds:
        if time.monotonic() > end:
            raise TimeoutError("the owners never came to rest")
        time.sleep(0.1)
        if (now := c.owners()) != last:
            last, since = now, time.monotonic()
    return last
