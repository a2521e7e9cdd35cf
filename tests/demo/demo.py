# SPDX-License-Identifier: Apache-2.0
"""The main job, shown: teams pushed to a queue by redis-cli, served over HTTPS and DNS.

--once ends by itself with status 0; without it the node stays up until Ctrl-C. --nodes 3 does it on
three nodes with one Redis, and kills one of them."""
import argparse
import signal
import sys
import tempfile
from pathlib import Path

import three_nodes
from steps import DOMAIN, main_job, title

from nginx import start_upstream  # noqa: I001  (steps puts tests/support on the path)
from node import binary, node
from process import HOST


def stay(n: node) -> None:
    host = f"team-a.{DOMAIN}"
    title("The node stays up until Ctrl-C. To try:")
    print(
        f"  curl -k --resolve {host}:{n.https_port}:{HOST} https://{host}:{n.https_port}/api/boards"
    )
    print(f"  dig @{HOST} -p {n.dns_port} team-a.localhost")
    print(f"  redis-cli -p {n.redis_port} HGETALL stagedoor:teams")
    for command in ("team show team-a", "team list", "tree", "status", "certificates"):
        print(f"  {binary()} {command} --config {n.config}")
    sys.stdout.flush()
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="end when everything was shown")
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=1, help="how many (1)")
    chosen = parser.parse_args()
    once = chosen.once
    # Blocked here, so that it waits for stay(): a Ctrl-C meanwhile ends the demo there.
    if not once:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    with tempfile.TemporaryDirectory(prefix="stagedoor-demo.") as folder:
        root = Path(folder)
        api, api_port = start_upstream(root / "api", '{"from": "the API server"}\n')
        web, web_port = start_upstream(root / "web", "Hello from the web server\n")
        with api, web:
            if chosen.nodes == 3:
                with three_nodes.started(root) as nodes:
                    three_nodes.show(nodes, api_port, web_port)
                    if not once:
                        stay(nodes[0])
            else:
                with node.with_examples(root / "node-1") as n:
                    title(f"A node runs in {n.folder}, its upstreams are two nginx")
                    main_job(n, api_port, web_port)
                    if not once:
                        stay(n)
    print("\nThe demo is over; everything it started has ended.")


if __name__ == "__main__":
    main()
