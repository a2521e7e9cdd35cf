# SPDX-License-Identifier: Apache-2.0
"""The port that peers come in by, and who else may try: certificates, strangers, hostile bytes."""
import hashlib
import re
import socket
import ssl
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from cluster import CLUSTER_PORT
from process import cpu_ticks, wait_until
from tasks import provision, run

TICKS_A_SECOND = 100
SPOKEN = ["stagedoor-link/1"]  # ALPN
MEASURED_S = 4
MEMORY_KIB = 8 * 1024  # what buffers and the allocator may add
BASP_HEADER_4_GIB = b"\0" * 8 + b"\xff\xff\xff\xff" + b"\0" * 20


def resident_kib(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))


def dial(n) -> socket.socket:
    return socket.create_connection((n.host, CLUSTER_PORT), timeout=5)


def cost(n, baseline_pid: int) -> float:
    """Of one core, above what a node at rest takes meanwhile."""
    before = cpu_ticks(n.pid), cpu_ticks(baseline_pid)
    time.sleep(MEASURED_S)
    after = cpu_ticks(n.pid), cpu_ticks(baseline_pid)
    ticks = (after[0] - before[0]) - (after[1] - before[1])
    return ticks / TICKS_A_SECOND / MEASURED_S


def test_strangers_cost_next_to_nothing(three):
    c = three
    target, resting = c[1], c[2]
    memory = resident_kib(target.pid)
    # A certificate of another cluster: right in every way but the authority.
    stranger = c.credentials_of_another_cluster("node-2")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(stranger["certificate"], stranger["key"])
    with ExitStack() as open_ones:
        for _ in range(50):
            open_ones.enter_context(dial(target))  # say nothing
        for _ in range(50):
            one = open_ones.enter_context(dial(target))
            one.sendall(BASP_HEADER_4_GIB)
        for _ in range(5):
            one = open_ones.enter_context(dial(target))
            try:
                with context.wrap_socket(one) as secured:
                    secured.settimeout(5)
                    secured.recv(1)  # TLS 1.3: the server's refusal comes with the first bytes
            except OSError:
                pass
        spent = cost(target, resting.pid)
    assert spent < 0.05, f"{spent:.1%} of a core"
    assert resident_kib(target.pid) - memory < MEMORY_KIB
    c.wait_formed()  # and the peers are still there
    refused = [line for line in target.log_text().splitlines() if "link refused" in line]
    assert 1 <= len(refused) < 20, "a line now and then, not one for each"


def test_a_hello_that_was_heard_elsewhere_is_refused(three):
    """By somebody who has all that can be stolen: certificates, and what a node said to him."""
    c = three
    heard = hello_to_an_insider(c, "node-9")
    assert b"node-1" in heard
    context = context_as(c, "node-1")
    answers: Counter[str] = Counter()
    before, memory = cpu_ticks(c[2].pid), resident_kib(c[2].pid)
    began = time.monotonic()
    while time.monotonic() < began + MEASURED_S:
        try:
            with dial(c[2]) as one, context.wrap_socket(one) as secured:
                secured.sendall(heard)
                answer = secured.recv(4096)
            answers["refused" if b"made for another session" in answer else repr(answer)] += 1
        except OSError:
            answers["no handshake"] += 1  # it failed too often
        time.sleep(0.02)
    spent = (cpu_ticks(c[2].pid) - before) / TICKS_A_SECOND / MEASURED_S
    assert answers["refused"] >= 1 and set(answers) <= {"refused", "no handshake"}, answers
    assert answers.total() > 50
    assert spent < 0.05, f"{spent:.1%} of a core"
    assert resident_kib(c[2].pid) - memory < MEMORY_KIB
    said = [line for line in c[2].log_text().splitlines() if "link refused" in line]
    assert any("made for another session" in line for line in said)
    assert len(said) < 10, "a line now and then, not one for each"
    print(answers, f"{spent:.1%}")
    assert all(
        row["link"] in ("self", "up") for row in c[2].nodes()["nodes"] if row["name"] != "node-9"
    )


def hello_to_an_insider(c, name: str) -> bytes:
    """What node-1 says first to a member |name| that is no node: this test, with a certificate and
    a record of its own."""
    files = c.credentials(name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["certificate"], files["key"])
    context.load_verify_locations(files["ca"])
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(SPOKEN)
    with socket.create_server((c.net.host, 0)) as door:
        door.settimeout(20)
        run_of, process = "a" * 32, "b" * 32
        address = f"{c.net.host}:{door.getsockname()[1]}"
        record = f"{run_of} {address} 1 1 0.1.0 1 active {process}"
        end = float(c.redis.hget("stagedoor:cluster", "clock")) + 60_000
        c.redis.zadd("stagedoor:leases", {name: end})
        c.redis.hset("stagedoor:members", name, record)
        c.redis.hincrby("stagedoor:cluster", "version", 1)
        c.redis.publish("stagedoor:hints", "members")
        try:
            while True:
                one, _ = door.accept()
                one.settimeout(10)
                with context.wrap_socket(one, server_side=True) as secured:
                    first = secured.recv(4096)
                    if b"node-1" in first:
                        return first
        finally:
            c.redis.hdel("stagedoor:members", name)
            c.redis.zrem("stagedoor:leases", name)
            c.redis.hincrby("stagedoor:cluster", "version", 1)


def test_a_node_of_another_cluster_is_refused_and_says_why(three):
    c = three
    foreign = c.add("node-9", settings={"cluster": c.credentials_of_another_cluster("node-9")})
    foreign.start()
    wait_until(
        lambda: any(
            "link" in line and re.search(r"certificate|unknown ca|authority", line, re.I)
            for line in foreign.log_text().splitlines()
        ),
        15,
        "the reason in its log",
    )
    for peer in (c[1], c[2], c[3]):
        wait_until(
            lambda: any(
                "node-9" in line or foreign.host in line
                for line in peer.log_text().splitlines()
                if "link" in line and ("refused" in line or "not up" in line)
            ),
            15,
            f"the reason in the log of {peer.folder.name}",
        )
        row = next(r for r in peer.nodes()["nodes"] if r["name"] == "node-2" or r["link"] == "up")
        assert row["link"] in ("up", "self")
    assert run(c.redis, provision("team-a", web=[c.upstream]))["status"] == "completed"


def test_certificates_are_rotated_without_a_restart(three):
    c = three
    fresh = {name: der(c.credentials(name)["certificate"]) for name in c.nodes}  # the same files
    for n in c.running():
        fingerprint = hashlib.sha256(fresh[n.folder.name]).hexdigest()
        n.wait_for_log(fingerprint, 40)
    c.part(c[1], c[2])  # a link that has to be made anew uses them
    wait_until(lambda: any(r["link"] == "down" for r in c[1].nodes()["nodes"]), 15, "a broken link")
    c.unpart(c[1], c[2])
    c.wait_formed()
    assert shown_certificate(c, c[2]) == fresh["node-2"]


def der(path: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert(Path(path).read_text())


def context_as(c, name: str) -> ssl.SSLContext:
    """A client that comes with that node's certificate."""
    files = c.folder / "certificates" / name
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(files / "node.crt", files / "node.key")
    context.set_alpn_protocols(SPOKEN)
    return context


def shown_certificate(c, n) -> bytes:
    """What the node shows at its cluster port to whoever comes with a peer's certificate."""
    with dial(n) as one, context_as(c, "node-1").wrap_socket(one) as secured:
        return secured.getpeercert(binary_form=True)
