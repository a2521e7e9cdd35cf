# SPDX-License-Identifier: Apache-2.0
"""Certificates on one node, from a real CA that asks the node's own DNS server and web port."""
import json
import re
import subprocess
import time

import pytest
from clients import dig
from pebble import pebble
from process import HOST, wait_until
from tasks import deprovision, host_of, provision, run

ISSUE_SECONDS = 20
LATE_SECONDS = 45  # a CA that was down is tried again after 5, 10, 20 s

TRAEFIK = """
entryPoints:
  web: {{ address: ":80" }}
  websecure:
    address: ":443"
    http: {{ tls: {{ certResolver: letsencrypt }} }}
certificatesResolvers:
  letsencrypt:
    acme:
      email: admin@kanban.domain
      storage: /acme.json
      caServer: {directory}
      caCertificates: ["/pebble.pem"]
      httpChallenge: {{ entryPoint: web }}
providers:
  docker: {{ exposedByDefault: false }}
  file: {{ directory: /dynamic }}
"""


@pytest.fixture
def servers(make_nginx):
    _, port = make_nginx("hello")
    return {"web": [f"http://{HOST}:{port}"]}


@pytest.fixture
def pair(make_node, tmp_path):
    """A node and its CA, neither started."""
    n = make_node(examples=True)
    ca = pebble(tmp_path / "pebble", dns_port=n.dns_port, http_port=n.http_port)
    n.write(
        "traefik/traefik.yml",
        TRAEFIK.format(directory=ca.directory_url),
    )
    n.write("traefik/pebble.pem", ca.ca_file.read_text())
    yield n, ca
    ca.stop()


def served(n, host: str) -> dict[str, str]:
    """issuer, subject, serial and names of the certificate that |host| is shown."""
    hello = subprocess.run(
        ["openssl", "s_client", "-connect", f"{HOST}:{n.https_port}", "-servername", host],
        input="",
        capture_output=True,
        text=True,
        timeout=10,
    )
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-issuer", "-serial", "-ext", "subjectAltName"],
        input=hello.stdout,
        capture_output=True,
        text=True,
        timeout=10,
    )
    assert shown.returncode == 0, hello.stderr
    issuer, serial, *names = shown.stdout.splitlines()
    return {"issuer": issuer, "serial": serial, "names": " ".join(names)}


def is_pebbles(n, host: str) -> bool:
    found = served(n, host)
    return "Pebble Intermediate CA" in found["issuer"] and f"DNS:{host}" in found["names"]


def all_listed(n) -> list[dict]:
    answer = n.command("certificates", "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)["certificates"]


def listed(n, host: str) -> dict:
    return next((row for row in all_listed(n) if row["host"] == host), {})


def is_all_valid(n) -> bool:
    """Also for the hosts of the configuration's own routers."""
    return all(row["state"].startswith("valid until ") for row in all_listed(n))


def test_a_team_gets_its_certificate_within_seconds_and_keeps_it_over_a_restart(pair, servers):
    n, ca = pair
    n.start()
    ca.start()
    host = host_of("team-x")
    began = time.monotonic()
    done = run(n.redis(), provision("team-x", **servers))
    assert done["status"] == "completed", done
    wait_until(lambda: is_pebbles(n, host), ISSUE_SECONDS, f"a certificate for {host}")
    print(f"issued and served after {time.monotonic() - began:.2f} s")
    assert listed(n, host)["state"].startswith("valid until ")

    live = n.folder / "certbot/conf/live" / host
    for name in ("cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"):
        assert (live / name).is_symlink() and (live / name).read_text().startswith("-----BEGIN ")
    assert (live / "privkey.pem").stat().st_mode & 0o077 == 0
    assert (n.folder / f"certbot/conf/renewal/{host}.conf").exists()

    wait_until(lambda: is_all_valid(n), ISSUE_SECONDS, "the other hosts' certificates")
    serial, orders = served(n, host)["serial"], ca.orders()
    assert orders == len(all_listed(n))  # one each
    n.restart()
    wait_until(lambda: is_pebbles(n, host), ISSUE_SECONDS, "the same certificate again")
    assert served(n, host)["serial"] == serial
    wait_until(lambda: listed(n, host) and is_all_valid(n), 10, "them to be listed")
    assert ca.orders() == orders


def test_a_ca_that_is_down_at_the_start_is_waited_for(pair, servers):
    n, ca = pair
    n.start()
    host = host_of("team-x")
    done = run(n.redis(), provision("team-x", **servers))
    assert done["status"] == "completed", done  # nobody waits for a CA
    assert "Pebble" not in served(n, host)["issuer"]
    row = wait_until(lambda: r if (r := listed(n, host)).get("next_try") else None, 15, "a plan")
    assert row["state"].startswith("pending: ")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", row["next_try"])
    assert row["last_error"]
    ca.start()
    wait_until(lambda: is_pebbles(n, host), LATE_SECONDS, f"a certificate for {host}")


def test_the_ca_asks_the_node_itself_for_both_families(pair, servers):
    n, _ = pair
    n.start()
    run(n.redis(), provision("team-x", **servers))
    six = dig(n.dns_port, host_of("team-x"), "AAAA")
    assert (six.status, six.answers) == ("NOERROR", [])
    assert [record[3] for record in six.authority] == ["SOA"]


def test_many_teams_are_issued_and_a_removed_one_is_not_asked_for_again(pair, servers):
    n, ca = pair
    n.start()
    ca.start()
    slugs = [f"team-{i}" for i in range(12)]
    for slug in slugs:
        assert run(n.redis(), provision(slug, **servers))["status"] == "completed"
    for slug in slugs:
        wait_until(lambda s=slug: is_pebbles(n, host_of(s)), ISSUE_SECONDS, f"{slug}'s certificate")
    wait_until(lambda: is_all_valid(n), ISSUE_SECONDS, "the other hosts' certificates")
    assert ca.orders() == len(all_listed(n))  # one each
    assert run(n.redis(), deprovision("team-0"))["status"] == "completed"
    assert listed(n, host_of("team-0")) == {}


def test_a_lineage_that_certbot_writes_is_served_and_a_broken_one_changes_nothing(pair):
    n, ca = pair
    host = "customer.example"
    live = n.folder / "certbot/conf/live" / host
    live.mkdir(parents=True)
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "60", "-subj", f"/CN={host}", "-addext"),
            *(f"subjectAltName=DNS:{host}", "-keyout", live / "privkey.pem"),
            *("-out", live / "fullchain.pem"),
        ],
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    (live / "cert.pem").write_text((live / "fullchain.pem").read_text())
    (live / "chain.pem").write_text("")
    broken = n.folder / "certbot/conf/live/broken.example"
    broken.mkdir()
    (broken / "fullchain.pem").write_text("nonsense")
    n.start()
    wait_until(lambda: host in served(n, host)["names"], 10, "certbot's certificate")
    n.wait_for_log("broken.example", 5)
