# SPDX-License-Identifier: Apache-2.0
"""Clients that ask all the time, as many a second as they are told, and remember what failed.

One thread and one connection a target. A connection that the server closed between two requests is
made anew, as every client does (RFC 9112, 9.3.1); a request that got no whole answer has failed.
"""
import http.client
import secrets
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable

from node import HTTP
from process import wait_until
from tasks import host_of, outcome, provision, push

ANSWER_SECONDS = 2  # then a request counts as failed
DNS_PORT = 53
KEPT_FAILURES = 20  # of one target, to be shown


def query(
    host: str, name: str, seconds: float = ANSWER_SECONDS, *, over=socket.SOCK_DGRAM
) -> str | None:
    """The first address of |name| as the DNS server of |host| says; None when there is none.
    OSError without an answer."""
    number = secrets.token_bytes(2)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = labels + b"\0" + struct.pack("!HH", 1, 1)
    asked = number + b"\1\0\0\1\0\0\0\0\0\0" + question
    with socket.socket(type=over) as one:
        one.settimeout(seconds)
        one.connect((host, DNS_PORT))
        if over == socket.SOCK_STREAM:
            one.sendall(struct.pack("!H", len(asked)) + asked)
            with one.makefile("rb") as whole:
                answer = whole.read(*struct.unpack("!H", whole.read(2).ljust(2, b"\0")))
            if answer[:2] != number:
                raise OSError(f"{name}: no answer over TCP")
        else:
            one.send(asked)
            while (answer := one.recv(4096))[:2] != number:
                pass
    code, answers = answer[3] & 15, struct.unpack("!H", answer[6:8])[0]
    if code not in (0, 3):
        raise OSError(f"{name}: rcode {code}")
    if code == 3 or answers == 0:
        return None
    record = answer[12 + len(question) :]  # a pointer, type, class, ttl, length, data
    return socket.inet_ntoa(record[12:16])


def get(host: str, slug: str, path: str = "/") -> int:
    """One request on a connection of its own; the status. OSError or HTTPException without one."""
    connection = http.client.HTTPConnection(host, HTTP, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path, headers={"Host": host_of(slug)})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


class client(threading.Thread):
    """Asks one host until stop(). `served` answers were 200, `failures` were anything else;
    |until_gone|: whether a refused connection ends it, as where the server was told to leave."""

    def __init__(self, host: str, slug: str, a_second: float, *, until_gone: bool = False):
        super().__init__(daemon=True)
        self.host = host
        self.served = 0
        self.failed = 0
        self.failures: list[str] = []
        self.longest_s = 0.0
        self.gone = False
        self._slug = slug
        self._pause = 1 / a_second
        self._until_gone = until_gone
        self._connection: http.client.HTTPConnection | None = None
        self._end = threading.Event()

    def run(self) -> None:
        began = time.monotonic()
        while not self._end.wait(self._pause) and not self.gone:
            asked = time.monotonic()
            try:
                self._ask()
                self.served += 1
            except ConnectionRefusedError as why:
                self.gone = self._until_gone
                if not self.gone:
                    self._note(asked - began, why)
            except (OSError, http.client.HTTPException) as why:
                self._note(asked - began, why)
            self.longest_s = max(self.longest_s, time.monotonic() - asked)
        self._hang_up()

    def stop(self) -> None:
        self._end.set()
        self.join(3 * ANSWER_SECONDS)

    def _note(self, at_s: float, why: Exception) -> None:
        self.failed += 1
        if len(self.failures) < KEPT_FAILURES:
            self.failures.append(f"{at_s:.3f} s: {type(why).__name__}: {why}")
        self._hang_up()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _ask(self) -> None:
        if self._connection is not None:
            try:
                return self._request()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self._hang_up()  # closed while nothing was asked: not a failure, once
        self._connection = http.client.HTTPConnection(self.host, HTTP, timeout=ANSWER_SECONDS)
        self._connection.connect()
        self._request()

    def _request(self) -> None:
        assert self._connection is not None
        self._connection.request("GET", "/", headers={"Host": host_of(self._slug)})
        answer = self._connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise OSError(f"status {answer.status}")


class resolver(client):
    """The same for DNS: one query at a time, never tried again."""

    def _ask(self) -> None:
        if query(self.host, host_of(self._slug)) is None:
            raise OSError("no such name")


class attempts:
    """Each of |kinds| is tried again and again on a thread of its own, until stop(). `done` counts
    what went well, `failures` everything else, by what it was."""

    def __init__(self, kinds: dict[str, Callable[[], object]], pause_s: float = 0.005):
        self.done: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self._kinds = list(kinds)
        self._pause_s = pause_s
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=item, daemon=True) for item in kinds.items()
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, kind: str, attempt: Callable[[], object]) -> None:
        while not self._stop.wait(self._pause_s):
            try:
                attempt()
                self.done[kind] += 1
            except Exception as error:  # any failure at all is what its tests are about
                self.failures[f"{kind}: {error!r}"] += 1

    def wait_for_more(self) -> None:
        """Until every kind went well some more times."""
        before = Counter(self.done)
        wait_until(
            lambda: all(self.done[kind] > before[kind] + 5 for kind in self._kinds),
            30,
            "traffic of every kind",
        )

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


class producer:
    """Pushes a task to provision another team each time it is called, and tries none again."""

    def __init__(self, store: Callable, web: list[str]):
        self.tasks: list[str] = []
        self._store, self._web = store, web

    def __call__(self) -> None:
        task = provision(f"load-{len(self.tasks)}", web=self._web)
        self.tasks.append(push(self._store(), task))
        time.sleep(0.05)

    def check(self) -> None:
        """Each of them ends well."""
        store = self._store()
        ends = Counter(outcome(store, task, 30)["status"] for task in self.tasks)
        assert ends == Counter(completed=len(self.tasks)), ends


class traffic:
    """Requests and queries to some nodes while the block runs."""

    def __init__(
        self,
        hosts: Iterable[str],
        slug: str,
        *,
        a_second: float = 100,
        until_gone: str = "",
        kinds: tuple[Callable[..., client], ...] = (client, resolver),
    ):
        self.clients = [
            kind(host, slug, a_second, until_gone=host == until_gone)
            for host in hosts
            for kind in kinds
        ]

    def __enter__(self) -> "traffic":
        for one in self.clients:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.clients:
            one.stop()

    def served(self) -> int:
        return sum(one.served for one in self.clients)

    def failed(self) -> int:
        return sum(one.failed for one in self.clients)

    def failures(self) -> list[str]:
        return [
            f"{type(one).__name__} of {one.host} at {what}"
            for one in self.clients
            for what in one.failures
        ]
