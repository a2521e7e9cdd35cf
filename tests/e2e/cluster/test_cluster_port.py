# SPDX-License-Identifier: Apache-2.0
"""The port that peers come in by, and who else may try: certificates, strangers, hostile bytes."""
import hashlib
import re
import socket
import ssl
import time
from contextlib import ExitStack
from pathlib import Path

from cluster import CLUSTER_PORT
from process import cpu_ticks, wait_until
from tasks import provision, run

TICKS_A_SECOND = 100
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


def shown_certificate(c, n) -> bytes:
    """What the node shows at its cluster port to whoever comes with a peer's certificate."""
    files = c.folder / "certificates/node-1"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(files / "node.crt", files / "node.key")
    with dial(n) as one, context.wrap_socket(one) as secured:
        return secured.getpeercert(binary_form=True)
