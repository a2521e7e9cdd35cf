# SPDX-License-Identifier: Apache-2.0
"""Let's Encrypt's test CA (Debian's pebble), on free ports, with a certificate of its own."""
import json
import subprocess
from pathlib import Path

from process import HOST, child, free_port

START_SECONDS = 20


class pebble:
    """Asks |dns_port| for names and |http_port| for http-01 proofs, as the real one asks the world.
    `start()` and `stop()` may be repeated: it comes back at the same address, with a new root."""

    def __init__(self, folder: Path, *, dns_port: int, http_port: int):
        self.folder = folder
        self.port, self._management = free_port(), free_port()
        self._dns_port, self._http_port = dns_port, http_port
        self._process: child | None = None
        folder.mkdir(parents=True)
        self.ca_file = folder / "cert.pem"
        subprocess.run(
            [
                *(
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                ),
                *("-nodes", "-days", "2", "-subj", "/CN=pebble"),
                *("-addext", f"subjectAltName=DNS:localhost,IP:{HOST}"),
                *("-keyout", folder / "key.pem", "-out", self.ca_file),
            ],
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        config = {
            "listenAddress": f"{HOST}:{self.port}",
            "managementListenAddress": f"{HOST}:{self._management}",
            "certificate": str(self.ca_file),
            "privateKey": str(folder / "key.pem"),
            "httpPort": http_port,
            "tlsPort": 1,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }
        (folder / "pebble.json").write_text(json.dumps({"pebble": config}))

    @property
    def directory_url(self) -> str:
        return f"https://{HOST}:{self.port}/dir"

    def start(self) -> "pebble":
        self._process = child(
            [
                *("pebble", "-config", self.folder / "pebble.json"),
                *("-dnsserver", f"{HOST}:{self._dns_port}"),
            ],
            self.folder / "pebble.log",
            environment={"PEBBLE_VA_NOSLEEP": "1"},
        )
        self._process.wait_for_port(self.port, START_SECONDS)
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop(2)

    def log_text(self) -> str:
        return (self.folder / "pebble.log").read_text(errors="replace")

    def orders(self) -> int:
        """How many orders it took since it was made. It refuses one valid nonce in twenty, as the
        real one may, so there are more requests for them."""
        return self.log_text().count('Added order "')
