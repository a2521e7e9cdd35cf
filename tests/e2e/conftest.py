# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a folder each, nodes and upstreams that end with their test."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import nginx  # noqa: E402
from node import node  # noqa: E402
from process import HOST, accepts, child, free_port, sanitizer_report  # noqa: E402
from upstream import echo_upstream  # noqa: E402


@pytest.fixture(autouse=True)
def no_sanitizer_report(request):
    """A node built with sanitizers that reported something fails its test, whatever the test saw.
    Asked for before all others, so that it looks when every node has ended."""
    if "tmp_path" not in request.fixturenames:
        yield
        return
    folder = request.getfixturevalue("tmp_path")
    yield
    for log in sorted(folder.rglob("node.log")):
        if report := sanitizer_report(log.read_text(errors="replace")):
            pytest.fail(f"{log.relative_to(folder)}: {report}", pytrace=False)


@pytest.fixture
def make_node(tmp_path):
    """make_node(name="node-1", **options of node): not yet started; stopped after the test."""
    made: list[node] = []

    def make(name: str = "node-1", *, examples: bool = False, **options) -> node:
        create = node.with_examples if examples else node
        made.append(create(tmp_path / name, **options))
        return made[-1]

    yield make
    for one in reversed(made):
        one.stop()


@pytest.fixture
def make_echo():
    """make_echo(name): an upstream that answers with what it received, as JSON."""
    made: list[echo_upstream] = []

    def make(name: str = "echo") -> echo_upstream:
        made.append(echo_upstream(name))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def make_nginx(tmp_path):
    """make_nginx(body): a real nginx that answers |body| to everything; gives it and its port."""
    made: list[child] = []

    def make(body: str) -> tuple[child, int]:
        server, port = nginx.start_upstream(tmp_path / f"nginx-{len(made)}", body)
        made.append(server)
        return server, port

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def make_redis(tmp_path):
    """make_redis(): a redis-server that no node manages; gives its port."""
    made: list[child] = []

    def make() -> int:
        port = free_port()
        folder = tmp_path / f"redis-{port}"
        folder.mkdir()
        command = ["redis-server", "--bind", HOST, "--port", str(port), "--save", ""]
        made.append(child(command, folder / "redis.log", cwd=folder))
        made[-1].wait_until(lambda: accepts(port), 10, "redis to accept")
        return port

    yield make
    for one in made:
        one.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the logs of its nodes."""
    report = (yield).get_result()
    if report.failed and "tmp_path" in item.funcargs:
        for log in sorted(item.funcargs["tmp_path"].glob("*/node.log")):
            report.sections.append(
                (f"log of {log.parent.name}", log.read_text(errors="replace")[-6000:])
            )
