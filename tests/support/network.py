# SPDX-License-Identifier: Apache-2.0
"""A network of the test's own: hosts are Linux network namespaces, joined by a bridge in another.

Nothing of it reaches the machine's network, and no rule of a firewall reaches it: the bridge lives
in a namespace too, and the test itself is plugged in by one interface. Who is cut from whom is a
matter of neighbour entries: packets to a peer go to a hardware address that nobody has, and vanish
without a word, as in a real partition. Needs root and iproute2; without, it says so and fails.
"""
import fcntl
import json
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

from process import runs

PREFIX = "sdt"
NOWHERE = "02:00:00:00:00:01"  # no interface has it
COMMAND_SECONDS = 20
# 198.18.0.0/15 is set apart for tests of network devices (RFC 2544).
SUBNETS = [f"198.{18 + n // 256}.{n % 256}" for n in range(512)]
LOCKS = Path(tempfile.gettempdir()) / f"stagedoor-test-networks-{os.getuid()}"


class network_error(Exception):
    """The machine does not let us make a network, or not this one."""


def _ip(*words: str, namespace: str | None = None) -> str:
    where = ["-n", namespace] if namespace else []
    try:
        done = subprocess.run(
            ["ip", *where, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
    except FileNotFoundError:
        raise network_error("network namespaces need `ip` (package iproute2)") from None
    if done.returncode != 0:
        raise network_error(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def _namespaces() -> list[str]:
    return [entry["name"] for entry in json.loads(_ip("-j", "netns", "list") or "[]")]


def _remove(namespace: str) -> None:
    for pid in _ip("netns", "pids", namespace).split():
        try:
            os.kill(int(pid), signal.SIGKILL)  # whatever lives in it was started there by its test
        except ProcessLookupError:
            pass
    _ip("netns", "del", namespace)


def sweep() -> None:
    """Removes what a test process left behind that was killed itself."""
    for name in _namespaces():
        owner = re.match(rf"{PREFIX}(\d+)-", name)
        if owner and not runs(int(owner.group(1))):
            _remove(name)


class network:
    """`host` is the test's own address in it. close() removes everything."""

    _made = 0  # networks of this process, for their names

    def __init__(self):
        if os.geteuid() != 0:
            raise network_error("network namespaces need root: run the tests as root")
        sweep()
        self._lock, self.subnet = self._take_subnet()
        network._made += 1
        self._id = f"{PREFIX}{os.getpid()}-{network._made}"
        self._hub = f"{self._id}-hub"
        self._plug = f"sd{os.getpid() % 10**7}n{network._made}"  # an interface's name is short
        self._addresses: dict[str, str] = {}
        self.host = f"{self.subnet}.1"
        try:
            _ip("netns", "add", self._hub)
            _ip("link", "add", "hub", "type", "bridge", namespace=self._hub)
            _ip("link", "set", "hub", "up", namespace=self._hub)
            _ip("link", "add", self._plug, "type", "veth", "peer", "test", "netns", self._hub)
            _ip("link", "set", "test", "master", "hub", "up", namespace=self._hub)
            _ip("addr", "add", f"{self.host}/24", "dev", self._plug)
            _ip("link", "set", self._plug, "up")
        except network_error as why:
            self.close()
            raise network_error(f"no network namespaces here: {why}") from None

    @staticmethod
    def _take_subnet() -> tuple[int, str]:
        LOCKS.mkdir(exist_ok=True)
        used = _ip("-4", "route", "show", "table", "all")
        for subnet in SUBNETS:
            if f" {subnet}." in f" {used}".replace("\n", " "):
                continue
            lock = os.open(LOCKS / subnet, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock, subnet
            except OSError:
                os.close(lock)
        raise network_error("no free subnet in 198.18.0.0/15")

    # -- hosts -----------------------------------------------------------------------------------

    def join(self, name: str) -> str:
        """A new host; its address. Names are short: an interface is named after them."""
        address = f"{self.subnet}.{len(self._addresses) + 2}"
        namespace = self.namespace(name)
        _ip("netns", "add", namespace)
        self._addresses[name] = address
        _ip("link", "set", "lo", "up", namespace=namespace)
        peer = ["peer", f"to-{name}"[:15], "netns", self._hub]
        _ip("link", "add", "eth0", "type", "veth", *peer, namespace=namespace)
        _ip("link", "set", f"to-{name}"[:15], "master", "hub", "up", namespace=self._hub)
        _ip("addr", "add", f"{address}/24", "dev", "eth0", namespace=namespace)
        _ip("link", "set", "eth0", "up", namespace=namespace)
        return address

    def namespace(self, name: str) -> str:
        return f"{self._id}-{name}"

    def address(self, name: str) -> str:
        return self._addresses[name]

    def inside(self, name: str) -> list[str]:
        """What to put in front of a command to run it on that host; the process id stays its own:
        `ip` becomes the command."""
        return ["ip", "netns", "exec", self.namespace(name)]

    # -- faults ----------------------------------------------------------------------------------

    def mute(self, sender: str, receiver: str) -> None:
        """What |sender| sends to |receiver| vanishes; the other way is as it was."""
        there = self.address(receiver)
        entry = ["neigh", "replace", there, "lladdr", NOWHERE, "dev", "eth0", "nud", "permanent"]
        _ip(*entry, namespace=self.namespace(sender))

    def unmute(self, sender: str, receiver: str) -> None:
        there = self.address(receiver)
        _ip("neigh", "del", there, "dev", "eth0", namespace=self.namespace(sender))

    def part(self, one: str, other: str) -> None:
        self.mute(one, other)
        self.mute(other, one)

    def unpart(self, one: str, other: str) -> None:
        self.unmute(one, other)
        self.unmute(other, one)

    def unplug(self, name: str) -> None:
        """The host is on no network; the test does not reach it either."""
        _ip("link", "set", f"to-{name}"[:15], "down", namespace=self._hub)

    def plug(self, name: str) -> None:
        _ip("link", "set", f"to-{name}"[:15], "up", namespace=self._hub)

    def move_address(self, sender: str, receiver: str) -> None:
        """|receiver| has the address of |sender| from now on, beside its own."""
        address = self.address(sender)
        _ip("addr", "del", f"{address}/24", "dev", "eth0", namespace=self.namespace(sender))
        _ip("addr", "add", f"{address}/24", "dev", "eth0", namespace=self.namespace(receiver))
        for name in self._addresses:  # as the new holder's announcement would do
            _ip("neigh", "flush", "to", address, namespace=self.namespace(name))
        _ip("neigh", "flush", "to", address)

    # -- end -------------------------------------------------------------------------------------

    def close(self) -> None:
        # The kernel takes a namespace apart later, with the interfaces in it; ours goes at once.
        if Path("/sys/class/net", self._plug).exists():
            _ip("link", "del", self._plug)
        for name in _namespaces():
            if name.startswith(f"{self._id}-"):
                _remove(name)
        os.close(self._lock)

    def __enter__(self) -> "network":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
