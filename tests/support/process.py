# SPDX-License-Identifier: Apache-2.0
"""Child processes of tests, the demo and the benches: each has its own folder, free ports, a log,
and ends with its parent. Standard library only."""
import ctypes
import fcntl
import itertools
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

HOST = "127.0.0.1"
POLL_S = 0.01  # between two looks at a condition
PR_SET_PDEATHSIG = 1
FIRST_OFFSET, LAST_OFFSET, OFFSET_STEP = 10_000, 28_000, 50  # below the ephemeral ports
FIRST_PORT, LAST_PORT = 61_000, 65_500  # above the ephemeral ports
LOCKS = Path(tempfile.gettempdir()) / f"stagedoor-test-ports-{os.getuid()}"

_libc = ctypes.CDLL(None, use_errno=True)


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> object:
    """The first true value of |condition|; TimeoutError naming |what| after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(POLL_S)


# -- ports -----------------------------------------------------------------------------------------


def _bind(kind: socket.SocketKind, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, kind)
    try:
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        raise
    return bound


def _locked(port: int) -> bool:
    """Takes |port| for as long as this process lives; tests/support/free_port.hpp says why."""
    LOCKS.mkdir(exist_ok=True)
    lock = os.open(LOCKS / str(port), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            _bind(kind, port).close()
    except OSError:
        os.close(lock)
        return False
    return True


def free_ports(count: int) -> list[int]:
    """Different ports of the loopback address, free for TCP and for UDP, that no other test gets
    while this process lives."""
    size = LAST_PORT - FIRST_PORT
    tried = ((os.getpid() * 17 + step) % size + FIRST_PORT for step in range(size))
    ports = list(itertools.islice(filter(_locked, tried), count))
    if len(ports) < count:
        raise RuntimeError("no free port")
    return ports


def free_port() -> int:
    return free_ports(1)[0]


def free_port_offset(ports: Sequence[int]) -> int:
    """An offset at which all of |ports| are free. Starts at a place of its own for each process, so
    that test runs side by side do not meet."""
    steps = (LAST_OFFSET - FIRST_OFFSET) // OFFSET_STEP
    first = (os.getpid() * 7 + time.monotonic_ns() // 1000) % steps
    for step in range(steps):
        offset = FIRST_OFFSET + (first + step) % steps * OFFSET_STEP
        try:
            with ExitStack() as held:
                for port in ports:
                    held.enter_context(_bind(socket.SOCK_STREAM, port + offset))
                    held.enter_context(_bind(socket.SOCK_DGRAM, port + offset))
                return offset
        except OSError:
            continue
    raise RuntimeError("no free port offset")


def accepts(port: int, host: str = HOST) -> bool:
    """Whether something accepts TCP connections on that port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


# -- sanitizers ------------------------------------------------------------------------------------

_REPORT = re.compile(
    r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|ThreadSanitizer:DEADLYSIGNAL"
    r"|: runtime error: "
)


def sanitizer_report(output: str) -> str:
    """The first report of a program that was built with sanitizers; empty when there is none. The
    status alone does not tell: a process that the test kills has none of its own."""
    if not (found := _REPORT.search(output)):
        return ""
    line = output.rfind("\n", 0, found.start()) + 1
    return output[line : line + 6000]


# -- processes -------------------------------------------------------------------------------------


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on (state, parent, ...); empty when it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def cpu_ticks(pid: int) -> int:
    """User and system time of a process, with that of its children that ended."""
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) if fields else 0


def identity(pid: int) -> tuple[int, str]:
    """The process with its start time: a number that is used again is another process."""
    fields = _stat(pid)
    return pid, fields[19] if fields else ""


def runs(pid: int) -> bool:
    """Whether there is such a process that has not ended (one that nobody waited for has)."""
    fields = _stat(pid)
    return bool(fields) and fields[0] not in "ZX"


def descendants(pid: int) -> list[int]:
    """The process and everything below it, parents first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def _end_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class child:
    """One process. Its output goes to |log|; |cpu| pins it and all that it starts to one core."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        log: Path,
        *,
        cpu: int | None = None,
        cwd: Path | None = None,
        environment: dict[str, str] | None = None,
    ):
        self.name = Path(arguments[0]).name
        self.log = log
        self._orphans: list[tuple[int, str]] = []
        pin = [] if cpu is None else ["taskset", "-c", str(cpu)]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*pin, *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=cwd,
                env={**os.environ, **(environment or {})},
                preexec_fn=_end_with_parent,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_until(self, condition: Callable[[], object], seconds: float, what: str) -> object:
        """As the function; fails at once, with the log's end, when the process has ended."""

        def checked() -> object:
            if not self.alive():
                raise RuntimeError(
                    f"{self.name} ended with status {self._process.returncode} "
                    f"before {what}:\n{self.log_text()[-3000:]}"
                )
            return condition()

        try:
            return wait_until(checked, seconds, what)
        except TimeoutError as late:
            raise TimeoutError(f"{late}; log of {self.name}:\n{self.log_text()[-3000:]}") from None

    def wait_for_port(self, port: int, seconds: float = 10) -> None:
        self.wait_until(lambda: accepts(port), seconds, f"{self.name} to accept on port {port}")

    def wait_end(self, seconds: float) -> int:
        return self._process.wait(seconds)

    def signal(self, number: int) -> None:
        if self.alive():
            self._process.send_signal(number)

    def kill9(self) -> None:
        """Only the process itself, at once: what it had started is left to itself until stop()."""
        self._note_family()
        self.signal(signal.SIGKILL)
        self._process.wait(10)

    def stop(self, seconds: float = 15) -> int:
        """Asks it to end; what has not ended in time, it or its children, is killed."""
        self._note_family()
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        for pid, started in self._orphans:
            if identity(pid) == (pid, started):
                os.kill(pid, signal.SIGKILL)
        self._orphans.clear()
        return self._process.returncode

    def _note_family(self) -> None:
        if self.alive():
            self._orphans += map(identity, descendants(self.pid)[1:])

    def __enter__(self) -> "child":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
