# SPDX-License-Identifier: Apache-2.0
"""curl and dig, run once, their output taken apart."""
import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from process import HOST

CURL_SECONDS = 15
DIG_SECONDS = 5


@dataclass
class response:
    status: int
    headers: list[tuple[str, str]]  # names in lower case, in the order they came
    body: bytes
    version: str  # "1.1", "2"

    def header(self, name: str) -> str | None:
        """The first of that name."""
        return next((value for known, value in self.headers if known == name.lower()), None)

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


def curl(url: str, *options: str, insecure: bool = True) -> response:
    """The last response to |url|, whose host is taken to be this machine whatever its name.
    RuntimeError with curl's own words when no response came."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with tempfile.TemporaryDirectory() as folder:
        head, body = Path(folder, "head"), Path(folder, "body")
        arguments = [
            "curl",
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--max-time",
            str(CURL_SECONDS),
            "--resolve",
            f"{parts.hostname}:{port}:{HOST}",
            "--dump-header",
            head,
            "--output",
            body,
        ]
        if insecure:
            arguments.append("--insecure")
        done = subprocess.run(
            [*arguments, *options, url],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CURL_SECONDS + 5,
        )
        if done.returncode != 0:
            raise RuntimeError(f"curl {url}: {done.stderr.strip()}")
        return _parse_head(
            head.read_bytes().decode("latin-1"), body.read_bytes() if body.exists() else b""
        )


def _parse_head(head: str, body: bytes) -> response:
    last = [block for block in head.split("\r\n\r\n") if block.startswith("HTTP/")][-1]
    status_line, *lines = last.split("\r\n")
    version, status = status_line.removeprefix("HTTP/").split()[:2]
    headers = [
        (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
    ]
    return response(int(status), headers, body, version)


@dataclass
class dns_answer:
    status: str  # NOERROR, NXDOMAIN, ...
    flags: set[str] = field(default_factory=set)
    answers: list[list[str]] = field(default_factory=list)  # name ttl class type data...
    authority: list[list[str]] = field(default_factory=list)
    additional: list[list[str]] = field(default_factory=list)

    def data(self, kind: str) -> list[str]:
        """The data of the answers of one type."""
        return [" ".join(record[4:]) for record in self.answers if record[3] == kind]


def dig(port: int, name: str, kind: str = "A", *options: str) -> dns_answer:
    """One query to the DNS server on |port|; RuntimeError when no answer came."""
    done = subprocess.run(
        [
            "dig",
            f"@{HOST}",
            "-p",
            str(port),
            "+noall",
            "+comments",
            "+answer",
            "+authority",
            "+additional",
            "+tries=1",
            f"+timeout={DIG_SECONDS}",
            *options,
            name,
            kind,
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DIG_SECONDS + 5,
    )
    status = re.search(r"status: (\w+)", done.stdout)
    if done.returncode != 0 or not status:
        raise RuntimeError(f"dig {name} {kind}: {done.stdout.strip()[-300:]} {done.stderr.strip()}")
    flags = re.search(r"flags: ([\w ]*);", done.stdout)
    found = dns_answer(status.group(1), set(flags.group(1).split()) if flags else set())
    sections = {
        "ANSWER": found.answers,
        "AUTHORITY": found.authority,
        "ADDITIONAL": found.additional,
    }
    section: list[list[str]] = []
    for line in done.stdout.splitlines():
        if heading := re.match(r";; (\w+) SECTION:", line):
            section = sections.get(heading.group(1), [])
        elif line and not line.startswith(";"):
            section.append(line.split())
    return found
