# SPDX-License-Identifier: Apache-2.0
"""A real nginx with a configuration of its own, as an upstream or as a peer."""
import os
from pathlib import Path

from process import HOST, accepts, child, free_port

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


def start_nginx(
    folder: Path,
    http: str,
    port: int,
    *,
    cpu: int | None = None,
    host: str = HOST,
    prefix: list[str] = (),
) -> child:
    """|http| is what stands inside its http block; |port| of |host| is waited for. |prefix| stands
    in front of the command, as of a node's."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "nginx.conf"
    # As root nginx would change to a user that may not enter a temporary folder of root's.
    user = "user root;" if os.getuid() == 0 else ""
    path.write_text(CONFIGURATION.format(folder=folder, http=http, user=user))
    # -e: where errors go before the configuration is read.
    server = child(
        [*prefix, "nginx", "-p", folder, "-e", folder / "error.log", "-c", path],
        folder / "nginx.log",
        cpu=cpu,
    )
    server.wait_until(lambda: accepts(port, host), 10, f"nginx to accept on port {port}")
    return server


def start_upstream(
    folder: Path,
    body: str,
    *,
    port: int | None = None,
    cpu: int | None = None,
    host: str = HOST,
    prefix: list[str] = (),
) -> tuple[child, int]:
    """Answers every request with 200 and |body|; gives the process and its port."""
    port = port or free_port()
    http = f"""default_type text/plain;
  server {{
    listen {host}:{port} backlog=4096;
    location / {{ return 200 {quoted(body)}; }}
  }}"""
    return start_nginx(folder, http, port, cpu=cpu, host=host, prefix=prefix), port
