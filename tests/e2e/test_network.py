# SPDX-License-Identifier: Apache-2.0
"""The network that the cluster's tests run in: a fault that is none would prove nothing."""
import os
import signal
import subprocess
import sys

import pytest
from network import network, network_error
from process import child, runs, wait_until

# Nobody listens: whoever is reached refuses at once.
KNOCK = """
import socket, sys
s = socket.socket()
s.settimeout(0.5)
try:
    s.connect((sys.argv[1], 9))
except ConnectionRefusedError:
    print("reached")
except OSError as e:
    print("lost")
"""


@pytest.fixture
def net():
    with network() as made:
        yield made


def knock(to: str, prefix: list[str] = ()) -> str:
    command = [*prefix, sys.executable, "-c", KNOCK, to]
    return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip()


def reaches(net: network, sender: str, receiver: str) -> bool:
    return knock(net.address(receiver), net.inside(sender)) == "reached"


def test_hosts_reach_each_other_and_the_test(net):
    one, other = net.join("one"), net.join("other")
    assert reaches(net, "one", "other") and reaches(net, "other", "one")
    assert knock(one) == knock(other) == "reached"
    assert knock(net.host, net.inside("one")) == "reached"


# Datagrams, since whatever is answered needs both ways.
LISTEN = """
import socket
s = socket.socket(type=socket.SOCK_DGRAM)
s.bind(("", 9))
print("ready", flush=True)
while True:
    print(s.recv(100).decode(), flush=True)
"""
SAY = """
import socket, sys
socket.socket(type=socket.SOCK_DGRAM).sendto(sys.argv[2].encode(), (sys.argv[1], 9))
"""


def test_a_muted_pair_is_cut_one_way_and_nobody_else_is(net, tmp_path):
    for name in ("one", "other", "third"):
        net.join(name)
    ears = {
        name: child([*net.inside(name), sys.executable, "-c", LISTEN], tmp_path / name)
        for name in ("one", "other")
    }

    def say(sender: str, receiver: str, words: str) -> None:
        to = net.address(receiver)
        subprocess.run([*net.inside(sender), sys.executable, "-c", SAY, to, words], timeout=10)

    def heard(name: str) -> list[str]:
        return ears[name].log_text().split()[1:]

    try:
        for ear in ears.values():
            wait_until(lambda: "ready" in ear.log_text(), 10, "the listener")
        say("one", "other", "before")
        wait_until(lambda: heard("other") == ["before"], 5, "the first")
        net.mute("one", "other")
        say("one", "other", "muted")
        say("other", "one", "back")
        wait_until(lambda: heard("one") == ["back"], 5, "the other way")
        say("third", "other", "third")
        wait_until(lambda: heard("other") == ["before", "third"], 5, "a third one")
        net.unmute("one", "other")
        say("one", "other", "healed")
        wait_until(lambda: heard("other") == ["before", "third", "healed"], 5, "the healed way")
    finally:
        for ear in ears.values():
            ear.stop()


def test_parted_and_unplugged_hosts_are_lost_until_they_are_healed(net):
    net.join("one"), net.join("other")
    for cut, heal in (
        (lambda: net.part("one", "other"), lambda: net.unpart("one", "other")),
        (lambda: net.unplug("other"), lambda: net.plug("other")),
    ):
        assert reaches(net, "one", "other")
        cut()
        assert not reaches(net, "one", "other")
        heal()
        wait_until(lambda: reaches(net, "one", "other"), 5, "the way back")


def test_an_address_can_move_to_another_host(net, tmp_path):
    moved, other = net.join("one"), net.join("other")
    listener = child([*net.inside("other"), sys.executable, "-c", LISTEN], tmp_path / "ear")
    with listener:
        wait_until(lambda: "ready" in listener.log_text(), 10, "the listener")
        assert knock(moved) == knock(other) == "reached"
        net.move_address("one", "other")
        net.join("third")
        subprocess.run([*net.inside("third"), sys.executable, "-c", SAY, moved, "x"], timeout=10)
        wait_until(lambda: "x" in listener.log_text(), 5, "what was said to the moved address")
        assert knock(moved) == "reached"


def test_nothing_is_left_behind(tmp_path):
    with network() as net:
        net.join("one")
        left = child([*net.inside("one"), "sleep", "1000"], tmp_path / "log")
        names = [net.namespace("one"), net.subnet]
    wait_until(lambda: not runs(left.pid), 5, "the end of what ran there")
    shown = subprocess.run("ip netns list; ip address", shell=True, capture_output=True, text=True)
    assert not [name for name in names if f"{name}" in shown.stdout], shown.stdout
    left.stop()


def test_a_dead_tests_network_is_swept_away_by_the_next_one(tmp_path):
    code = f"""
import os, signal, sys
sys.path.insert(0, {os.path.dirname(sys.modules["network"].__file__)!r})
from network import network
net = network()
print(net.join("one"), net.namespace("one"), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    dead = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    name = dead.stdout.split()[1]
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    assert name in listed
    with network():
        listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
        assert name not in listed


def test_without_root_it_says_so(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(network_error, match="need root"):
        network()
