# SPDX-License-Identifier: Apache-2.0
"""Stagedoor nodes as real processes on hosts of their own, with one Redis, and what can befall them.

Each node, Redis and the upstream of the teams has its own host of a `network`; the test is one more.
"""
import json
import signal
import socket
import subprocess
import time
from http.client import HTTPConnection
from pathlib import Path

import nginx
from network import network
from node import HTTP, binary, merged, node
from process import child, wait_until
from tasks import DOMAIN, host_of
from traffic import get, query

CLUSTER_PORT, REDIS_PORT, DNS_PORT = 7443, 6379, 53
FORM_SECONDS = 20  # for all nodes to see all links up
ADMIN_SECONDS = 10
PLACED = ("stagedoor:owner:team:*", "stagedoor:owner:janitor:*")
STORE = "redis"  # the host's name
UPSTREAM = "web"
UPSTREAM_BODY = "upstream"
# It serves the platform's own zone, since no other block claims its name.
COREFILE = f".:{DNS_PORT} {{\n    errors\n}}\n"


class _unix_connection(HTTPConnection):
    def __init__(self, path: Path):
        super().__init__("stagedoor", timeout=ADMIN_SECONDS)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class cluster_node(node):
    """A node on a host of its own, with its usual ports."""

    def admin(self, path: str, method: str = "GET") -> dict:
        connection = _unix_connection(self.folder / "admin.sock")
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status} {body[:200]!r}")
            return json.loads(body or b"{}")
        finally:
            connection.close()

    def nodes(self) -> dict:
        return self.admin("/api/nodes")

    def is_member(self) -> bool:
        return self.nodes()["member"]

    def owned(self) -> int:
        """How much this node says that it owns itself."""
        me = self.nodes()
        mine = [row for row in me["nodes"] if row["name"] == me["self"]]
        return sum(sum(row["owned"].values()) for row in mine)

    def sees(self, names: set[str]) -> bool:
        """Whether it knows exactly these nodes and has a link to each of them."""
        try:
            me = self.nodes()
        except (OSError, RuntimeError):
            return False
        up = {row["name"] for row in me["nodes"] if row["link"] in ("self", "up")}
        return me["member"] and up == names == {row["name"] for row in me["nodes"]}

    # -- faults ----------------------------------------------------------------------------------

    def freeze(self) -> None:
        self.process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.signal(signal.SIGCONT)

    def stop(self) -> int:
        if self.alive():
            self.thaw()
        return super().stop()


class store_server:
    """A redis-server on a host of its own; a second one may be its replica."""

    def __init__(self, folder: Path, net: network, name: str = STORE, replica_of: str = ""):
        self.name = name
        self.host = net.join(name)
        self.url = f"redis://{self.host}:{REDIS_PORT}/0"
        self._folder, self._prefix = folder, net.inside(name)
        self._options = ["--replicaof", replica_of, str(REDIS_PORT)] if replica_of else []
        self._process: child | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> "store_server":
        if self._process is not None and self._process.alive():
            return self
        options = ["--bind", "0.0.0.0", "--protected-mode", "no", "--port", str(REDIS_PORT)]
        keep = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
        self._process = child(
            [*self._prefix, "redis-server", *options, *keep, *self._options],
            self._folder / "redis.log",
            cwd=self._folder,
        )
        self._process.wait_until(self.answers, 10, "redis to answer")
        return self

    def client(self):
        import redis

        return redis.Redis(self.host, REDIS_PORT, decode_responses=True, socket_timeout=10)

    def answers(self) -> bool:
        import redis

        try:
            with self.client() as one:
                return one.ping()
        except redis.RedisError:
            return False

    def kill9(self) -> None:
        self._process.kill9()

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()


class cluster:
    """node-1 to node-N, not yet started. Use it as a context: everything ends with it."""

    def __init__(self, folder: Path, size: int = 3, *, settings: dict | None = None):
        self.folder = folder
        self.net = network()
        self.nodes: dict[str, cluster_node] = {}
        self._settings = settings or {}
        self._closed = False
        self._replica: store_server | None = None
        try:
            self.store = store_server(folder / "redis", self.net)
            self.redis = self.store.client()
            self._cli("cluster", "init")
            self._start_upstream()
            for _ in range(size):
                self.add()
        except Exception:
            self.net.close()
            raise

    def _cli(self, *arguments: str, folder: str = "certificates") -> None:
        command = [binary(), *arguments, "--dir", str(self.folder / folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")

    def _start_upstream(self) -> None:
        host = self.net.join(UPSTREAM)
        self.upstream = f"http://{host}"
        self._upstream = nginx.start_upstream(
            self.folder / UPSTREAM,
            UPSTREAM_BODY,
            port=HTTP,
            host=host,
            prefix=self.net.inside(UPSTREAM),
        )[0]

    # -- nodes -------------------------------------------------------------------------------------

    def credentials(self, name: str) -> dict[str, str]:
        """Makes the node's certificate, or a new one; the three files as the settings name them."""
        return self._credentials(name, "certificates")

    def credentials_of_another_cluster(self, name: str) -> dict[str, str]:
        if not (self.folder / "foreign").exists():
            self._cli("cluster", "init", folder="foreign")
        return self._credentials(name, "foreign")

    def _credentials(self, name: str, folder: str) -> dict[str, str]:
        self._cli("cluster", "add", name, folder=folder)
        files = {"certificate": "node.crt", "key": "node.key", "ca": "ca.crt"}
        return {key: str(self.folder / folder / name / file) for key, file in files.items()}

    def add(self, name: str = "", *, settings: dict | None = None) -> cluster_node:
        """One more node, not yet started."""
        name = name or f"node-{len(self.nodes) + 1}"
        host = self.net.join(name)
        whole = {
            "node": {"loops": 1, "port_offset": 0},
            "redis": {"managed": False, "url": self.store.url},
            "dns": {"corefile": "Corefile"},
            "platform": {"domain": DOMAIN, "zones": [], "addresses": [host]},
            "cluster": {
                "listen": f"0.0.0.0:{CLUSTER_PORT}",
                "advertise": f"{host}:{CLUSTER_PORT}",
                **self.credentials(name),
            },
        }
        whole = merged(merged(whole, self._settings), settings or {})
        made = cluster_node(
            self.folder / name,
            settings=whole,
            files={"Corefile": COREFILE},
            offset=0,
            host=host,
            prefix=self.net.inside(name),
        )
        self.nodes[name] = made
        return made

    def __getitem__(self, number: int) -> cluster_node:
        return self.nodes[f"node-{number}"]

    def running(self) -> list[cluster_node]:
        return [n for n in self.nodes.values() if n.alive()]

    def start(self) -> "cluster":
        self.store.start()
        for one in self.nodes.values():
            one.start()
        self.wait_formed()
        return self

    def wait_formed(self, seconds: float = FORM_SECONDS) -> None:
        """Until all that run know each other, and nobody else, with their links up."""
        names = {n.folder.name for n in self.running()}
        for one in self.running():
            one.process.wait_until(lambda: one.sees(names), seconds, f"links to all of {names}")

    # -- what is owned -----------------------------------------------------------------------------

    def owners(self) -> dict[str, tuple[str, str, int]]:
        """The owner records as the store has them: key -> node, incarnation, fence. Only of work
        that is placed; what a node claims for the time of a flow comes and goes."""
        keys = [key for kind in PLACED for key in self.redis.scan_iter(kind, count=1000)]
        pipe = self.redis.pipeline(transaction=False)
        for key in keys:
            pipe.hmget(key, "node", "run", "fence")
        found = zip(keys, pipe.execute())
        return {key: (name, run, int(fence)) for key, (name, run, fence) in found if name}

    def owned_by(self, name: str) -> set[str]:
        return {key for key, (holder, *_) in self.owners().items() if holder == name}

    def wait_owned(self, total: int, seconds: float = FORM_SECONDS) -> None:
        """Until so many pieces of work are owned, all by nodes that run."""

        def all_owned() -> bool:
            names = {n.folder.name for n in self.running()}
            held = self.owners()
            return len(held) == total and {holder for holder, *_ in held.values()} <= names

        wait_until(all_owned, seconds, f"{total} owners: {len(self.owners())}")

    def wait_taken(self, keys: set[str], victim: str, seconds: float) -> float:
        """Seconds until all of |keys| are owned by others than |victim|."""
        began = time.monotonic()

        def taken() -> bool:
            held = self.owners()
            return all(key in held and held[key][0] != victim for key in keys)

        wait_until(taken, seconds, f"the {len(keys)} owners of {victim} to be others")
        return time.monotonic() - began

    # -- what is served ----------------------------------------------------------------------------

    def live_on(self, slug: str) -> dict[str, tuple[int, str | None]]:
        """What each node says: the status of the site, and the address of its name."""
        return {
            n.folder.name: (get(n.host, slug), query(n.host, host_of(slug))) for n in self.running()
        }

    # -- faults ------------------------------------------------------------------------------------

    def cut_from_store(self, one: cluster_node) -> None:
        self.net.part(one.folder.name, STORE)

    def rejoin_store(self, one: cluster_node) -> None:
        self.net.unpart(one.folder.name, STORE)

    def add_replica(self) -> store_server:
        """A Redis that follows the store, started."""
        self._replica = store_server(
            self.folder / "replica", self.net, "replica", replica_of=self.store.host
        )
        return self._replica.start()

    def promote(self, replica: store_server) -> None:
        """The store dies, and the replica answers at its address."""
        self.store.kill9()
        with replica.client() as one:
            one.replicaof("NO", "ONE")
        self.net.move_address(STORE, replica.name)

    def part(self, one: cluster_node, other: cluster_node) -> None:
        self.net.part(one.folder.name, other.folder.name)

    def unpart(self, one: cluster_node, other: cluster_node) -> None:
        self.net.unpart(one.folder.name, other.folder.name)

    # -- end -----------------------------------------------------------------------------------------

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            for one in self.nodes.values():
                one.stop()
            self._upstream.stop()
            for one in (self._replica, self.store):
                if one is not None:
                    one.stop()
        finally:
            self.net.close()

    def __enter__(self) -> "cluster":
        return self if self.running() else self.start()

    def __exit__(self, *_: object) -> None:
        self.close()
