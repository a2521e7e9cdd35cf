# SPDX-License-Identifier: Apache-2.0
"""What the demo shows of the main job, on one node or on several."""
import json
import shlex
import statistics
import subprocess
import sys
import threading
import time
import uuid
from http.client import HTTPSConnection
from pathlib import Path
from ssl import CERT_NONE, create_default_context

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from node import node  # noqa: E402
from process import HOST, wait_until  # noqa: E402

TEAMS = 20  # whose way from LPUSH to the first 200 is timed
DOMAIN = "kanban.domain"
QUEUE = "queue:provisioning:high"
TASK_SECONDS = 10
BAR_MS = 15.0


def title(text: str) -> None:
    print(f"\n== {text}", flush=True)


def show(arguments: list[str], keep: str = "") -> str:
    """Prints a command as a person would type it, runs it, prints what it says."""
    print(f"$ {shlex.join(arguments)}", flush=True)
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=30)
    text = done.stdout + done.stderr
    shown = [line for line in text.splitlines() if keep in line]
    print("\n".join("  " + line for line in shown), flush=True)
    if done.returncode != 0:
        raise SystemExit(f"the command failed with status {done.returncode}")
    return text


def task_for(slug: str, api: int, web: int) -> dict:
    return {
        "id": str(uuid.uuid4()),
        "type": "team.provision",
        "user_id": "u1",
        "payload": {
            "slug": slug,
            "api": [f"http://{HOST}:{api}"],
            "web": [f"http://{HOST}:{web}"],
        },
    }


class events:
    """A real subscriber: redis-cli in a process of its own, as any program would be."""

    def __init__(self, port: int):
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            ["redis-cli", "-p", str(port), "SUBSCRIBE", "team:status", "tasks:u1"],
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        wait_until(lambda: "tasks:u1" in self.lines, 5, "the subscription")

    def _read(self) -> None:
        for line in self._process.stdout:
            self.lines.append(line.strip())

    def stop(self) -> list[tuple[str, str]]:
        """Channel and message of everything that came."""
        self._process.terminate()
        self._process.wait(5)
        found = []
        for i, line in enumerate(self.lines):
            if line == "message" and i + 2 < len(self.lines):
                found.append((self.lines[i + 1], self.lines[i + 2]))
        return found


def https_link(n: node) -> HTTPSConnection:
    """The demo's certificates are made by the node itself: nothing to check them against."""
    context = create_default_context()
    context.check_hostname, context.verify_mode = False, CERT_NONE
    return HTTPSConnection(HOST, n.https_port, context=context, timeout=5)


def first_200_ms(n: node, store, slug: str, api: int, web: int) -> float:
    """From LPUSH to the first 200 over HTTPS, asked again and again on connections that are open."""
    host = f"{slug}.{DOMAIN}"
    link = https_link(n)
    link.connect()
    text = json.dumps(task_for(slug, api, web))
    begin = time.perf_counter()
    store.lpush(QUEUE, text)
    while True:
        link.request("GET", "/api/", headers={"Host": host})
        answer = link.getresponse()
        answer.read()
        if answer.status == 200:
            link.close()
            return (time.perf_counter() - begin) * 1000
        if time.perf_counter() - begin > TASK_SECONDS:
            raise SystemExit(f"{host} did not answer 200 within {TASK_SECONDS} s")


def main_job(n: node, api: int, web: int, bar_ms: float = BAR_MS) -> None:
    store = n.redis()
    redis_cli = ["redis-cli", "-p", str(n.redis_port)]
    host = f"team-a.{DOMAIN}"

    title("A task is pushed, in the way any language can")
    listener = events(n.redis_port)
    task = task_for("team-a", api, web)
    show([*redis_cli, "LPUSH", QUEUE, json.dumps(task)])
    key = f"task:{task['id']}"
    wait_until(lambda: store.hget(key, "status") == "completed", TASK_SECONDS, f"{key} to complete")

    title("Its hash, as the contract has it")
    show([*redis_cli, "HGETALL", key])
    show([*redis_cli, "TTL", key])

    title("What a subscriber saw")
    for channel, message in listener.stop():
        print(f"  {channel}  {message}")

    title("The team answers")
    resolve = [
        "--resolve",
        f"{host}:{n.https_port}:{HOST}",
        "--resolve",
        f"{host}:{n.http_port}:{HOST}",
    ]
    curl = ["curl", "--silent", "--insecure", "--include", *resolve]
    show([*curl, f"https://{host}:{n.https_port}/api/boards"])
    show([*curl, f"https://{host}:{n.https_port}/"])
    show([*curl, f"http://{host}:{n.http_port}/"], keep="o")
    dig = ["dig", f"@{HOST}", "-p", str(n.dns_port), "+noall", "+answer"]
    show([*dig, "team-a.localhost"])
    show([*dig, "+tcp", host])

    title(f"How long it takes: {TEAMS} more teams, from LPUSH to the first 200 over HTTPS")
    times = sorted(first_200_ms(n, store, f"timed-{i}", api, web) for i in range(TEAMS))
    median = statistics.median(times)
    print(f"  median {median:.1f} ms, fastest {times[0]:.1f} ms, slowest {times[-1]:.1f} ms")
    if median >= bar_ms:
        raise SystemExit(f"the median is not below {bar_ms:g} ms")

    title("And back again")
    gone = {
        "id": str(uuid.uuid4()),
        "type": "team.deprovision",
        "user_id": "u1",
        "payload": {"slug": "timed-0"},
    }
    show([*redis_cli, "LPUSH", QUEUE, json.dumps(gone)])
    wait_until(
        lambda: store.hget(f"task:{gone['id']}", "status") == "completed",
        TASK_SECONDS,
        "the removal",
    )
    listed = n.command("team", "list").stdout.split()
    print(f"  stagedoor team list: {len(listed)} teams")
    if "timed-0" in listed or "team-a" not in listed:
        raise SystemExit("the list of teams is not what was asked for")
