# SPDX-License-Identifier: Apache-2.0
"""Producers of tasks, in the way any language would be one."""
import json
import uuid

from process import wait_until

HIGH, NORMAL = "queue:provisioning:high", "queue:provisioning:normal"
DOMAIN = "kanban.domain"
FINAL = {"completed", "failed"}


def host_of(slug: str) -> str:
    return f"{slug}.{DOMAIN}"


def provision(slug: str, *, api: list[str] = (), web: list[str] = (), **more) -> dict:
    payload = {"slug": slug, "api": list(api), "web": list(web), **more}
    payload = {key: value for key, value in payload.items() if value}
    return {"id": str(uuid.uuid4()), "type": "team.provision", "user_id": "u1", "payload": payload}


def deprovision(slug: str) -> dict:
    payload = {"slug": slug}
    return {
        "id": str(uuid.uuid4()),
        "type": "team.deprovision",
        "user_id": "u1",
        "payload": payload,
    }


def push(store, task: dict, queue: str = HIGH) -> str:
    """The task's id."""
    store.lpush(queue, json.dumps(task))
    return task["id"]


def outcome(store, task_id: str, seconds: float = 15) -> dict:
    """The task's hash when it has ended."""
    key = f"task:{task_id}"
    wait_until(lambda: store.hget(key, "status") in FINAL, seconds, f"{key} to end")
    return store.hgetall(key)


def run(store, task: dict, queue: str = HIGH) -> dict:
    return outcome(store, push(store, task, queue))
