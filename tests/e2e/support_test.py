# SPDX-License-Identifier: Apache-2.0
"""The helpers that the other tests stand on: if these lie, those prove nothing."""
import signal

import pytest
from clients import curl, dig
from process import (
    accepts,
    child,
    descendants,
    free_port,
    free_port_offset,
    free_ports,
    runs,
    sanitizer_report,
    wait_until,
)


def test_a_wait_has_a_deadline():
    with pytest.raises(TimeoutError, match="waited 0.05 s for nothing"):
        wait_until(lambda: False, 0.05, "nothing")


def test_a_wait_fails_at_once_when_the_process_has_ended(tmp_path):
    with child(["sh", "-c", "echo why; exit 3"], tmp_path / "log") as ended:
        with pytest.raises(RuntimeError, match="(?s)status 3.*why"):
            ended.wait_for_port(free_port(), seconds=30)


def test_a_sanitizer_report_is_found_in_what_a_node_wrote():
    log = 'level=info msg="node is ready"\n'
    reports = (
        "a.cpp:3:7: runtime error: signed integer overflow",
        "==7==ERROR: AddressSanitizer: heap-use-after-free",
        "==7==ERROR: LeakSanitizer: detected memory leaks",
        "WARNING: ThreadSanitizer: data race",
    )
    for report in reports:
        assert sanitizer_report(log + report + "\n    #0 f\n") == report + "\n    #0 f\n"
    assert sanitizer_report(log) == ""


def test_ports_differ_and_are_free():
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert not any(map(accepts, ports))
    offset = free_port_offset((80, 443))
    assert not accepts(80 + offset)


def test_stop_leaves_no_child_behind(tmp_path):
    parent = child(["sh", "-c", "trap '' TERM; sleep 1000 & wait; wait"], tmp_path / "log")
    family = wait_until(
        lambda: len(descendants(parent.pid)) > 1 and descendants(parent.pid), 5, "the child"
    )
    parent.stop(seconds=0.2)
    wait_until(lambda: not any(map(runs, family)), 5, "the end of all")


def test_kill9_ends_the_process_alone_and_stop_what_it_left(tmp_path):
    parent = child(["sh", "-c", "sleep 1000 & wait"], tmp_path / "log")
    _, left = wait_until(
        lambda: len(descendants(parent.pid)) == 2 and descendants(parent.pid), 5, "the child"
    )
    parent.kill9()
    assert runs(left)
    assert parent.wait_end(1) == -signal.SIGKILL
    parent.stop()
    wait_until(lambda: not runs(left), 5, "the end of what was left")


def test_nginx_answers_with_the_given_body(make_nginx):
    _, port = make_nginx('it\'s "fine"\\\n')
    answer = curl(f"http://any.example:{port}/path")
    assert (answer.status, answer.text) == (200, 'it\'s "fine"\\\n')
    assert answer.header("server").startswith("nginx")


def test_the_echo_says_what_it_received(make_echo):
    echo = make_echo("portal-api")
    answer = curl(
        f"http://kanban.example:{echo.port}/api?x=1",
        "-X",
        "POST",
        "-d",
        "body",
        "-H",
        "X-Mine: yes",
    )
    assert answer.status == 200
    (seen,) = echo.seen
    assert (seen["server"], seen["method"], seen["path"], seen["body"]) == (
        "portal-api",
        "POST",
        "/api?x=1",
        "body",
    )
    assert ["x-mine", "yes"] in seen["headers"]
    assert ["host", f"kanban.example:{echo.port}"] in seen["headers"]


def test_the_echo_reads_chunked_bodies(make_echo):
    echo = make_echo()
    curl(f"{echo.url}/", "-H", "Transfer-Encoding: chunked", "-d", "a" * 5000)
    assert echo.seen[0]["body"] == "a" * 5000


def test_curl_says_why_there_was_no_response():
    with pytest.raises(RuntimeError, match="(?i)connect"):
        curl(f"http://127.0.0.1:{free_port()}/")


def test_dig_says_why_there_was_no_answer():
    with pytest.raises(RuntimeError, match="(?i)refused|no servers"):
        dig(free_port(), "a.example")
