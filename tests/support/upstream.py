# SPDX-License-Identifier: Apache-2.0
"""An upstream that says what it received, for tests of what the edge forwards."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from process import HOST


class _echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        seen = {
            "server": self.server.name,
            "method": self.command,
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "body": self._body().decode("latin-1"),
        }
        self.server.seen.append(seen)
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            whole = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass  # trailers
            return whole
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer

    def log_message(self, *_: object) -> None:
        pass


class echo_upstream(ThreadingHTTPServer):
    """Answers with JSON: server, method, path, headers (a list of lower-case name and value), body.
    `seen` keeps what came, in order."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, name: str = "echo", port: int = 0):
        super().__init__((HOST, port), _echo)
        self.name = name
        self.seen: list[dict] = []
        self.port = self.server_address[1]
        self.url = f"http://{HOST}:{self.port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join(10)
