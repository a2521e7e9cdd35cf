# SPDX-License-Identifier: Apache-2.0
"""A real nginx with a configuration of its own, as an upstream or as a peer."""
import os
from pathlib import Path

from process import HOST, child, free_port

CONFIGURATION = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {http}
}}
"""


def quoted(text: str) -> str:
    """As an argument of nginx's `return`: $ cannot be escaped there, so it is refused."""
    if "$" in text:
        raise ValueError("nginx would take $ for a variable")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def start_nginx(folder: Path, http: str, port: int, *, cpu: int | None = None) -> child:
    """|http| is what stands inside its http block; |port| is waited for."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "nginx.conf"
    # As root nginx would change to a user that may not enter a temporary folder of root's.
    user = "user root;" if os.getuid() == 0 else ""
    path.write_text(CONFIGURATION.format(folder=folder, http=http, user=user))
    # -e: where errors go before the configuration is read.
    server = child(
        ["nginx", "-p", folder, "-e", folder / "error.log", "-c", path],
        folder / "nginx.log",
        cpu=cpu,
    )
    server.wait_for_port(port)
    return server


def start_upstream(
    folder: Path, body: str, *, port: int | None = None, cpu: int | None = None
) -> tuple[child, int]:
    """Answers every request with 200 and |body|; gives the process and its port."""
    port = port or free_port()
    http = f"""default_type text/plain;
  server {{
    listen {HOST}:{port} backlog=4096;
    location / {{ return 200 {quoted(body)}; }}
  }}"""
    return start_nginx(folder, http, port, cpu=cpu), port
