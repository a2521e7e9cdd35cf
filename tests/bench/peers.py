# SPDX-License-Identifier: Apache-2.0
"""The peers, configured from nothing in a folder of their own, logs off, one worker each."""
from pathlib import Path

from harness import SERVER_CORE
from nginx import start_nginx
from process import HOST, child, free_port

HAPROXY = """
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
frontend edge
  bind {host}:{port} backlog 4096
  option forwardfor
  default_backend upstream
backend upstream
  server upstream {host}:{upstream} pool-max-conn 512
"""

KNOT = """
server:
    rundir: "{folder}"
    listen: {host}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    tcp-max-clients: 1000
log:
  - target: stderr
    any: warning
database:
    storage: "{folder}/db"
zone:
  - domain: {origin}
    file: "{zone}"
    zonefile-sync: -1
    journal-content: none
"""


def start_nginx_proxy(folder: Path, upstream_port: int) -> tuple[child, int]:
    port = free_port()
    http = f"""proxy_buffering on;
  upstream backend {{
    server {HOST}:{upstream_port};
    keepalive 256;
    keepalive_requests 1000000000;
  }}
  server {{
    listen {HOST}:{port} backlog=4096;
    location / {{
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}"""
    return start_nginx(folder, http, port, cpu=SERVER_CORE), port


def start_haproxy(folder: Path, upstream_port: int) -> tuple[child, int]:
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "haproxy.cfg"
    path.write_text(HAPROXY.format(host=HOST, port=port, upstream=upstream_port))
    server = child(["haproxy", "-db", "-f", path], folder / "haproxy.log", cpu=SERVER_CORE)
    server.wait_for_port(port)
    return server, port


def start_knot(folder: Path, zone: Path, origin: str) -> tuple[child, int]:
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "knot.conf"
    path.write_text(KNOT.format(folder=folder, host=HOST, port=port, zone=zone, origin=origin))
    server = child(["knotd", "-c", path], folder / "knot.log", cpu=SERVER_CORE)
    server.wait_for_port(port)
    return server, port
