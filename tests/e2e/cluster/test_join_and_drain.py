# SPDX-License-Identifier: Apache-2.0
"""Nodes come and go on purpose: a bounded part of the work moves, and no request fails."""
import time

from owners import add_owned_teams, at_rest, moved, owner_of, watcher
from process import wait_until
from traffic import traffic

TEAMS = 400  # a share of fewer differs too much from what is fair by chance alone
CHECK_MS = 10_000


def test_a_fourth_node_takes_its_share_and_no_more(three):
    c = three
    total = add_owned_teams(c, TEAMS, check_ms=CHECK_MS)
    before = c.owners()
    with watcher(c) as seen, traffic([n.host for n in c.running()], "team-0") as load:
        joined = c.add().start()
        c.wait_formed()
        wait_until(lambda: len(c.owned_by(joined.folder.name)) > total / 10, 20, "its share")
        settled = at_rest(c)
    assert moved(before, settled) <= total * (1 / 4 + 0.05), moved(before, settled)
    assert all(
        settled[key][0] in (before[key][0], joined.folder.name) for key in before
    ), "nothing moved between the three"
    assert load.served() > 100 and not load.failures(), load.failures()
    assert not seen.wrong, seen.wrong


def test_a_drained_node_gives_all_away_finishes_and_ends(three):
    c = three
    total = add_owned_teams(c, TEAMS, check_ms=CHECK_MS)
    leaving = owner_of(c)
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
