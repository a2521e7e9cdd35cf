# SPDX-License-Identifier: Apache-2.0
"""dev bench edge: CPU per proxied request, against nginx and HAProxy."""
import sys
from contextlib import ExitStack
from pathlib import Path

import harness  # noqa: I001  (puts tests/support on the path)
import loads
import ours
import peers
from nginx import start_upstream

BODY = "x" * 126


def plain_keepalive(stack: ExitStack, folder: Path, options) -> harness.row:
    """64 keep-alive connections, small bodies, no TLS."""
    upstream, upstream_port = start_upstream(folder / "upstream", BODY, cpu=harness.LOAD_CORE)
    stack.enter_context(upstream)

    def contestant(server, port: int) -> harness.contestant:
        stack.enter_context(server)
        url = f"http://127.0.0.1:{port}/"
        loads.wrk(url, 1)  # connections and caches warm
        return harness.contestant(server, lambda: loads.wrk(url, options.seconds))

    row = harness.row("plain-keepalive", "cpu_us/request", 1.15)
    if not options.peers_only:
        node = stack.enter_context(ours.edge_node(folder / "ours", upstream_port))
        row.contestants[harness.OURS] = contestant(node.process, node.http_port)
    row.contestants["nginx"] = contestant(*peers.start_nginx_proxy(folder / "nginx", upstream_port))
    row.contestants["haproxy"] = contestant(*peers.start_haproxy(folder / "haproxy", upstream_port))
    return row


ROWS = {"plain-keepalive": plain_keepalive}


if __name__ == "__main__":
    sys.exit(harness.main("edge", __doc__, ROWS))
