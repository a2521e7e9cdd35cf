# SPDX-License-Identifier: Apache-2.0
"""The examples of a cluster fit together: files, names, paths, and what the program says of them."""
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from node import ROOT, binary

EXAMPLES = ROOT / "configs/examples/cluster"
INSIDE = Path("/etc/stagedoor")  # where the compose file puts a node's settings


@pytest.fixture
def folder(tmp_path):
    """The examples, with certificates as the compose file says."""
    made = tmp_path / "cluster"
    shutil.copytree(EXAMPLES, made)
    for arguments in (["init"], *(["add", f"node-{n}"] for n in (1, 2, 3))):
        command = [binary(), "cluster", *arguments, "--dir", "certificates"]
        subprocess.run(command, cwd=made, check=True, capture_output=True, timeout=20)
    return made


def test_the_settings_of_each_node_are_valid(folder):
    for n in (1, 2, 3):
        command = [binary(), "check", "--config", folder / f"node-{n}.yml"]
        said = subprocess.run(command, capture_output=True, text=True, timeout=20)
        assert said.returncode == 0, said.stderr
        assert "0 warnings" in said.stdout, said.stdout + said.stderr


def test_the_compose_file_gives_each_node_what_its_settings_name(folder):
    services = yaml.safe_load((folder / "docker-compose.yml").read_text())["services"]
    published = [
        port.split(":")[0] + port.partition("/")[2]
        for s in services.values()
        for port in s.get("ports", [])
    ]
    assert len(published) == len(set(published))
    for n in (1, 2, 3):
        name = f"node-{n}"
        mounted = {}
        for volume in services[name]["volumes"]:
            host, inside = volume.split(":")[:2]
            mounted[Path(inside)] = host
            assert not host.startswith(".") or (folder / host).exists(), host
        settings = yaml.safe_load((folder / mounted[INSIDE / "stagedoor.yml"]).read_text())
        assert settings["node"]["name"] == name
        wanted = [settings["cluster"][key] for key in ("certificate", "key", "ca")]
        for path in [*wanted, settings["dns"]["corefile"]]:
            at = INSIDE / path
            holder = next(p for p in (at, *at.parents) if p in mounted)
            assert (folder / mounted[holder] / at.relative_to(holder)).exists(), path
        assert Path(settings["node"]["data_dir"]) in mounted
        assert Path(settings["admin"]["socket"]).parent in mounted
        assert settings["redis"]["url"].split("/")[2].split(":")[0] in services


def test_the_unit_runs_drains_and_restarts_the_node():
    sections: dict[str, dict[str, str]] = {}
    for line in (EXAMPLES / "stagedoor.service").read_text().splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            assert key not in current, f"{key} twice"
            current[key] = value
    service = sections["Service"]
    config = "--config /etc/stagedoor/stagedoor.yml"
    assert service["ExecStart"] == f"/usr/local/bin/stagedoor run {config}"
    assert f"/usr/local/bin/stagedoor drain {config}" in service["ExecStop"]
    assert f"run --take-over {config}" in service["ExecReload"]
    assert service["NotifyAccess"] == "all", "the process that takes over says so itself"
    assert service["Restart"] == "on-failure"
