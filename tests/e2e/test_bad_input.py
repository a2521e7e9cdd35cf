# SPDX-License-Identifier: Apache-2.0
"""Whatever comes in that is wrong ends in one clear error, and disturbs nothing else."""
import base64
import json
import random
import socket
import ssl
import subprocess

import pytest
from clients import curl, dig
from node import binary
from process import HOST, wait_until
from tasks import HIGH, host_of, outcome, provision, push, run

DEAD = f"{HIGH}:dead"

MALFORMED_TASKS = [
    b"",
    b"not json",
    b"{",
    b"[]",
    b'"a string"',
    b"null",
    b'{"id":"x"}',
    b'{"id":7,"type":"team.provision","payload":{}}',
    b'{"id":"a/../b","type":"team.provision","user_id":"u","payload":{}}',
    b'{"id":"no-such-type","type":"team.destroy","user_id":"u","payload":{}}',
    b'{"id":"payload-is-text","type":"team.provision","user_id":"u","payload":"x"}',
    b'{"id":"slug-missing","type":"team.provision","user_id":"u","payload":{"web":["http://a"]}}',
    b'{"id":"slug-upper","type":"team.provision","user_id":"u","payload":{"slug":"A","web":["http://a"]}}',
    b'{"id":"bad-url","type":"team.provision","user_id":"u","payload":{"slug":"a","web":["ftp://a"]}}',
    b"\xff\xfe\x00binary\x80",
    b'{"id":"deep","type":"team.provision","payload":' + b"[" * 5000 + b"]" * 5000 + b"}",
    b'{"id":"large","type":"team.provision","payload":{"slug":"' + b"a" * 2_000_000 + b'"}}',
]


@pytest.fixture
def web(make_nginx):
    _, port = make_nginx("hello")
    return [f"http://{HOST}:{port}"]


@pytest.fixture
def node(make_node, web):
    n = make_node(examples=True).start()
    run(n.redis(), provision("team-x", web=web))
    return n


def still_fine(n) -> None:
    assert n.alive()
    assert curl(n.url(host_of("team-x"), "/", tls=True)).body == b"hello"
    assert dig(n.dns_port, host_of("team-x")).data("A") == ["127.0.0.1"]


def test_each_malformed_task_is_a_dead_letter_with_its_bytes_and_a_reason(node, web):
    import redis

    raw = redis.Redis(HOST, node.redis_port)
    for bad in MALFORMED_TASKS:
        raw.lpush(HIGH, bad)
    good = provision("after-all", web=web)
    push(node.redis(), good)
    assert outcome(node.redis(), good["id"])["status"] == "completed"
    wait_until(lambda: raw.llen(DEAD) == len(MALFORMED_TASKS), 15, "the dead letters")
    letters = [json.loads(letter) for letter in raw.lrange(DEAD, 0, -1)]

    def bytes_of(letter: dict) -> bytes:
        encoded = next((letter[k] for k in letter if "base64" in k), None)
        return base64.b64decode(encoded) if encoded is not None else letter["raw"].encode()

    assert sorted(map(bytes_of, letters)) == sorted(MALFORMED_TASKS)
    for letter in letters:
        assert letter["reason"] and len(letter["reason"]) < 500, letter["reason"]
    assert raw.llen(HIGH) == 0
    still_fine(node)


# Each must be refused with this status, and the connection closed (RFC 9112). None: the redirection
# to https may be the answer, since it needs no body; the connection is closed all the same.
BAD_REQUESTS = {
    "both lengths": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "two lengths": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        400,
    ),
    "a listed length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nabcde", 400),
    "a signed length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nabcde", 400),
    "a bad chunk size": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
        None,
    ),
    "a huge chunk size": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        None,
    ),
    "a bare LF": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "a bare CR": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
    "a folded field": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "a blank before the colon": (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    "a NUL": (b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400),
    "an unknown coding": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", None),
    "a version of its own": (b"GET / HTTP/3.7\r\nHost: a\r\n\r\n", 505),
    "no HTTP at all": (b"\x01\x02\x03\x04garbage\r\n\r\n", 400),
    "a long head": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 300_000 + b"\r\n\r\n", 431),
    "a long target": (b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
}


@pytest.mark.parametrize("what", BAD_REQUESTS)
def test_a_request_that_two_servers_could_read_in_two_ways_is_refused(node, what):
    sent, status = BAD_REQUESTS[what]
    with socket.create_connection((HOST, node.http_port), timeout=5) as link:
        try:
            link.sendall(sent)
            link.sendall(b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        except OSError:
            pass  # closed already
        answer = b""
        try:
            while piece := link.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    first = answer.split(b"\r\n")[0].split()
    assert first[:1] == [b"HTTP/1.1"], answer[:200]
    assert int(first[1]) == status if status else int(first[1]) in (308, 400, 501)
    assert answer.count(b"HTTP/1.1 ") == 1, "the rest of the connection was read"
    still_fine(node)


def test_random_bytes_on_every_port_disturb_nobody(node):
    source = random.Random(7)
    for _ in range(200):
        noise = source.randbytes(source.randrange(1, 600))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.sendto(noise, (HOST, node.dns_port))
        for port in (node.http_port, node.https_port, node.dns_port):
            with socket.create_connection((HOST, port), timeout=5) as link:
                link.sendall(noise)
    still_fine(node)


def test_a_tls_hello_that_is_broken_off_or_wrong_disturbs_nobody(node):
    links = []
    for size in range(1, 60, 3):
        link = socket.create_connection((HOST, node.https_port), timeout=5)
        link.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(size))
        links.append(link)
    context = ssl.create_default_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        with socket.create_connection((HOST, node.https_port), timeout=5) as link:
            context.wrap_socket(link, server_hostname=host_of("team-x"))
    still_fine(node)
    for link in links:
        link.close()


def test_a_bad_file_keeps_its_last_good_version_and_the_others_take_effect(make_node, make_nginx):
    _, port = make_nginx("by file")

    def router(name: str, host: str) -> str:
        return f"""
http:
  routers:
    {name}: {{ rule: "Host(`{host}`)", service: {name}, entryPoints: [websecure], tls: {{}} }}
  services:
    {name}: {{ loadBalancer: {{ servers: [ {{ url: "http://{HOST}:{port}" }} ] }} }}
"""

    n = make_node(
        examples=True, files={"traefik/dynamic/one.yml": router("one", "one.example")}
    ).start()
    assert curl(n.url("one.example", tls=True)).body == b"by file"
    n.write("traefik/dynamic/one.yml", "http:\n  routers:\n    one: { rul: nonsense }\n")
    n.write("traefik/dynamic/two.yml", router("two", "two.example"))
    wait_until(lambda: curl(n.url("two.example", tls=True)).status == 200, 10, "the good file")
    assert curl(n.url("one.example", tls=True)).body == b"by file"
    assert "one.yml:3:" in n.log_text()
    n.write("traefik/dynamic/one.yml", router("one", "uno.example"))
    wait_until(lambda: curl(n.url("uno.example", tls=True)).status == 200, 10, "the mended file")
    assert curl(n.url("one.example", tls=True)).status == 404


def test_check_reports_every_error_of_every_file_at_once(make_node):
    n = make_node(
        examples=True,
        files={
            "traefik/traefik.yml": "entryPoints:\n  web:\n    adress: ':80'\nlog: {level: LOUD}\n",
            "traefik/dynamic/middlewares.yml": "http:\n  middlewares:\n    a: { headerz: {} }\n"
            "  routers:\n    r: { rule: 'Host(a)', service: s }\n"
            "  services:\n    s: { loadBalancer: { servers: [ { url: 'http://x' } ] } }\n",
            "coredns/Corefile": ".:53 {\n    fwd . 8.8.8.8\n}\nlocalhost:53 {\n    file /zones/db.localhost\n}\n",
            "coredns/zones/db.localhost": "@ IN SOA ns. admin. ( 1 2 3 4 5 )\n@ IN A 1.2.3.999\n",
        },
    )
    n.write(
        "traefik/traefik.yml",
        "entryPoints:\n  web:\n    adress: ':80'\nproviders: { file: { directory: /dynamic } }\n",
    )
    checked = n.command("check")
    assert checked.returncode == 1
    for expected in (
        "traefik.yml:3:5: error:",
        "middlewares.yml:3:",
        "middlewares.yml:5:",
        "Corefile:2:5: error:",
        "db.localhost:2:",
    ):
        assert expected in checked.stderr, f"{expected} is not in:\n{checked.stderr}"
    assert n.command("run").returncode == 1, "and it does not start with them"


def made_by_cluster_add(folder, *names: str) -> None:
    for words in (["init"], *(["add", name] for name in names)):
        subprocess.run([binary(), "cluster", *words], cwd=folder, check=True, capture_output=True)


def in_cluster(certificate_of: str, ca_of: str = "cluster") -> dict:
    """The section of a node, with a file that need not be its own."""
    files = {"certificate": "node.crt", "key": "node.key"}
    whole = {key: f"cluster/{certificate_of}/{file}" for key, file in files.items()}
    return {"cluster": {**whole, "ca": f"{ca_of}/ca.crt"}}


def test_files_of_a_cluster_that_are_wrong_are_named_where_they_are_set(make_node):
    n = make_node()
    made_by_cluster_add(n.folder, "node-1", "node-2")
    (n.folder / "other").mkdir()
    made_by_cluster_add(n.folder / "other", "node-1")
    redis = {"redis": {"managed": False, "url": f"redis://{HOST}:{n.redis_port}"}}
    n.change_settings({**redis, **in_cluster("node-1")})
    assert n.command("check").stderr == ""

    def is_refused(settings: dict, key: str, *words: str) -> None:
        n.change_settings(settings)
        line = next(
            i for i, text in enumerate(n.config.read_text().splitlines(), 1) if f'"{key}":' in text
        )
        for command in ("check", "run"):
            said = n.command(command)
            assert said.returncode == 1, f"{command}: {said}"
            assert f"stagedoor.yml:{line}:" in said.stderr, said.stderr
            assert all(word in said.stderr for word in words), said.stderr
            assert len(said.stderr.splitlines()) == 1, said.stderr

    is_refused(in_cluster("node-2"), "certificate", 'for "node-1"', 'for "node-2"')
    is_refused(in_cluster("node-1", "other/cluster"), "ca", "the authority that signed")
    is_refused(in_cluster("node-3"), "certificate", "No such file or directory")
    n.change_settings(in_cluster("node-1"))
    (n.folder / "cluster/node-1/node.key").chmod(0o644)
    said = n.command("check")
    assert said.returncode == 0 and "warning: cluster.key" in said.stderr, said.stderr


def test_a_port_that_another_node_has_is_refused_and_not_shared(make_node):
    one = make_node("node-1", examples=True).start()
    two = make_node("node-2", examples=True, offset=one.offset, settings={"node": {"loops": 1}})
    said = two.command("run")
    assert said.returncode == 1
    assert f"{one.http_port}: Address already in use" in said.stderr, said.stderr
    assert "entry point web" in said.stderr, said.stderr
    files = {
        "traefik/traefik.yml": 'entryPoints: { web: { address: ":81" }, traefik: { address: ":82" } }',
        "coredns/Corefile": ".:53 {\n    errors\n}\n",
    }
    dns = make_node("node-3", offset=one.offset, files=files)
    said = dns.command("run")
    assert said.returncode == 1 and "DNS over tcp" in said.stderr, said.stderr
    assert one.alive()


def test_commands_with_a_wrong_word_say_which(make_node):
    n = make_node().start()
    for words, status, expected in (
        (["tree", "--node", "node-9"], 1, 'there is no node "node-9"'),
        (["tree", "--node", "a b&c"], 1, "there is no node"),
        (["owners", "--kind", "nonsense"], 2, "nonsense not in"),
        (["team", "list", "--limit", "0"], 2, "not in range"),
        (["team", "show", "a b/c"], 1, "slug: expected"),
        (["team", "show", "nobody"], 1, 'there is no team "nobody"'),
    ):
        said = n.command(*words)
        assert said.returncode == status and expected in said.stderr, f"{words}: {said}"
        assert len(said.stderr.splitlines()) <= 2, said.stderr


def test_a_drained_node_has_answered_before_it_ends(make_node):
    for i in range(5):
        n = make_node(f"node-{i}").start()
        said = n.command("drain")
        assert said.returncode == 0 and "gives its owners away" in said.stdout, said
        assert n.process.wait_end(30) == 0, n.log_text()
        said = n.command("drain")
        assert said.returncode == 1 and "no node answers" in said.stderr, said


def test_the_contracts_own_files_have_no_error(make_node):
    checked = make_node(examples=True).command("check")
    assert checked.returncode == 0, checked.stderr
    assert "configuration is valid" in checked.stdout
