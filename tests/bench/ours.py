# SPDX-License-Identifier: Apache-2.0
"""Our own node as a contestant: one loop, logs off, on the servers' core."""
from pathlib import Path

from harness import SERVER_CORE
from node import node

QUIET = {"node": {"loops": 1}, "log": {"level": "error"}}

STATIC = """
entryPoints:
  web:
    address: ":80"
providers:
  file:
    directory: /dynamic
log:
  level: ERROR
"""

DYNAMIC = """
http:
  routers:
    bench:
      rule: "PathPrefix(`/`)"
      entryPoints: [web]
      service: upstream
  services:
    upstream:
      loadBalancer:
        servers:
          - url: "http://127.0.0.1:{port}"
"""


def edge_node(folder: Path, upstream_port: int) -> node:
    return node(
        folder,
        cpu=SERVER_CORE,
        settings={**QUIET, "edge": {"static": "traefik/traefik.yml", "root": "traefik"}},
        files={
            "traefik/traefik.yml": STATIC,
            "traefik/dynamic/bench.yml": DYNAMIC.format(port=upstream_port),
        },
    )


def dns_node(folder: Path, zone: Path, origin: str) -> node:
    corefile = f"{origin}:53 {{\n    file /zones/{zone.name}\n}}\n"
    return node(
        folder,
        cpu=SERVER_CORE,
        settings={**QUIET, "dns": {"corefile": "coredns/Corefile", "root": "coredns"}},
        files={"coredns/Corefile": corefile, f"coredns/zones/{zone.name}": zone.read_text()},
    )
