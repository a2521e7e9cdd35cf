# SPDX-License-Identifier: Apache-2.0
"""One stagedoor node of a test, the demo or a bench: a folder, free ports, a process."""
import json
import os
import shutil
import subprocess
from pathlib import Path

from process import HOST, accepts, child, free_port_offset, sanitizer_report

ROOT = Path(__file__).resolve().parents[2]
HTTP, HTTPS, DNS, REDIS, CLUSTER, PING = 80, 443, 53, 6379, 7443, 8080
PORTS = (HTTP, HTTPS, DNS, REDIS, CLUSTER, PING)  # before the offset
READY_SECONDS = 30
COMMAND_SECONDS = 20


def binary() -> Path:
    path = Path(os.environ.get("STAGEDOOR", ROOT / "build/release/cluster/stagedoor"))
    if not path.exists():
        raise FileNotFoundError(f"{path}: build it first (./dev build), or name it in STAGEDOOR")
    return path


def other_release(name: str) -> Path:
    """The same program as another release: "next" speaks a newer protocol beside this one's, "far"
    none of this one's."""
    path = binary().parents[1] / f"tests/releases/stagedoor_{name}"
    if not path.exists():
        raise FileNotFoundError(f"{path}: build it first (./dev build)")
    return path


def merged(base: dict, extra: dict) -> dict:
    """|base| with |extra| laid over it, section by section."""
    result = dict(base)
    for key, value in extra.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


class node:
    """|files| are written into the folder before the start; |settings| are laid over the defaults
    of stagedoor.yml. All listening ports are the usual ones plus `offset`. A node that is not on
    this host has another address, and |prefix| in front of its command."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: dict | None = None,
        files: dict[str, str] | None = None,
        offset: int | None = None,
        cpu: int | None = None,
        host: str = HOST,
        prefix: list[str] = (),
    ):
        self.folder = folder
        self.host = host
        self._prefix = list(prefix)
        self.offset = free_port_offset(PORTS) if offset is None else offset
        self.http_port, self.https_port = HTTP + self.offset, HTTPS + self.offset
        self.dns_port, self.redis_port = DNS + self.offset, REDIS + self.offset
        self.config = folder / "stagedoor.yml"
        self._cpu = cpu
        self._process: child | None = None
        self._former: list[child] = []  # replaced by take_over()
        self.environment: dict[str, str] = {}
        self.program = binary()  # of the next process
        self._settings = merged(
            {
                "node": {
                    "name": folder.name,
                    "data_dir": str(folder / "data"),
                    "port_offset": self.offset,
                },
                "redis": {"managed": True},
            },
            settings or {},
        )
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (files or {}).items():
            self.write(name, text)
        self.config.write_text(json.dumps(self._settings, indent=2))  # JSON is YAML

    @classmethod
    def with_examples(cls, folder: Path, **options) -> "node":
        """With the ready-to-run files of configs/examples, as an operator would copy them."""
        shutil.copytree(ROOT / "configs/examples/kanban", folder, dirs_exist_ok=True)
        settings = {"edge": {"compose": "docker-compose.yml"}}  # the rest are defaults
        options["settings"] = merged(settings, options.get("settings") or {})
        return cls(folder, **options)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    # -- lifecycle -----------------------------------------------------------------------------

    def start(
        self, *, seconds: float = READY_SECONDS, wait_for: tuple[int, ...] | None = None
    ) -> "node":
        """Returns when all of |wait_for| (HTTP alone, if not said) accept connections."""
        self._process = self._run()
        ports = (self.http_port,) if wait_for is None else wait_for
        try:
            self._process.wait_until(
                lambda: all(accepts(port, self.host) for port in ports),
                seconds,
                f"{self.host} to accept on {', '.join(map(str, ports))}",
            )
        except Exception:
            self._process.stop(2)
            raise
        return self

    def _run(self, *options: str) -> child:
        return child(
            [*self._prefix, self.program, "run", *options, "--config", self.config],
            self.folder / "node.log",
            cpu=self._cpu,
            cwd=self.folder,
            environment=self.environment,
        )

    def successor(self) -> child:
        """A second process that is about to take over."""
        self._former.append(self._run("--take-over"))
        return self._former[-1]

    def take_over(self, seconds: float = READY_SECONDS) -> "node":
        """Returns when a new process serves; the old one may still finish what is open."""
        ready = self.log_text().count("node is ready")
        fresh = self._run("--take-over")
        self._former.append(self.process)
        self._process = fresh
        fresh.wait_until(
            lambda: self.log_text().count("node is ready") > ready, seconds, "the successor"
        )
        return self

    def change_settings(self, settings: dict) -> None:
        """For the next process."""
        self._settings = merged(self._settings, settings)
        self.config.write_text(json.dumps(self._settings, indent=2))

    @property
    def process(self) -> child:
        assert self._process is not None, "the node was not started"
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    def alive(self) -> bool:
        return self._process is not None and self._process.alive()

    def kill9(self) -> None:
        self.process.kill9()

    def stop(self) -> int:
        """The exit status; 0 is a clean end."""
        status = self.process.stop() if self._process is not None else 0
        for one in self._former:
            one.stop()
        return status

    def restart(self) -> "node":
        self.stop()
        return self.start()

    def __enter__(self) -> "node":
        return self if self.alive() else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- what a person would do with it ----------------------------------------------------------

    def log_text(self) -> str:
        return self.process.log_text()

    def wait_for_log(self, text: str, seconds: float = READY_SECONDS) -> None:
        self.process.wait_until(lambda: text in self.log_text(), seconds, f"{text!r} in the log")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`stagedoor <arguments> --config ...`: team add, check, ..."""
        done = subprocess.run(
            [binary(), *arguments, "--config", self.config],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            cwd=self.folder,
        )
        if report := sanitizer_report(done.stderr):
            raise RuntimeError(report)
        return done

    def redis(self):
        """A client of the node's managed Redis. Imported here: the benches do without."""
        import redis

        return redis.Redis(self.host, self.redis_port, decode_responses=True, socket_timeout=10)

    def url(self, host: str, path: str = "/", *, tls: bool = False) -> str:
        scheme, port = ("https", self.https_port) if tls else ("http", self.http_port)
        return f"{scheme}://{host}:{port}{path}"
