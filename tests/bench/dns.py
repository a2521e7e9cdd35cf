# SPDX-License-Identifier: Apache-2.0
"""dev bench dns: CPU per DNS answer, against Knot, both with the same zone of 100,000 names."""
import random
import sys
from contextlib import ExitStack
from pathlib import Path

import harness  # noqa: I001  (puts tests/support on the path)
import loads
import ours
import peers

ORIGIN = "bench.example"
NAMES = 100_000
QUERIES = 50_000
SOA = f"""$ORIGIN {ORIGIN}.
$TTL 300
@ IN SOA ns.{ORIGIN}. admin.{ORIGIN}. ( 1 3600 600 86400 60 )
@ IN NS ns.{ORIGIN}.
ns IN A 127.0.0.1
"""


def write_zone(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    records = (f"team-{n} IN A 10.{n >> 16}.{n >> 8 & 255}.{n & 255}\n" for n in range(NAMES))
    path.write_text(SOA + "".join(records))
    return path


def write_queries(path: Path) -> Path:
    """Names that exist, in an order that is the same in every run."""
    order = random.Random(1)
    path.write_text("".join(f"team-{order.randrange(NAMES)}.{ORIGIN} A\n" for _ in range(QUERIES)))
    return path


def udp_answers(stack: ExitStack, folder: Path, options) -> harness.row:
    zone = write_zone(folder / f"db.{ORIGIN}")
    queries = write_queries(folder / "queries")

    def contestant(server, port: int) -> harness.contestant:
        stack.enter_context(server)
        loads.dnsperf(port, queries, 1)
        return harness.contestant(server, lambda: loads.dnsperf(port, queries, options.seconds))

    row = harness.row("udp-answers", "cpu_us/answer", 1.5)
    if not options.peers_only:
        node = ours.dns_node(folder / "ours", zone, ORIGIN)
        node.start(wait_for=(node.dns_port,))
        row.contestants[harness.OURS] = contestant(node.process, node.dns_port)
    row.contestants["knot"] = contestant(*peers.start_knot(folder / "knot", zone, ORIGIN))
    return row


ROWS = {"udp-answers": udp_answers}


if __name__ == "__main__":
    sys.exit(harness.main("dns", __doc__, ROWS))
