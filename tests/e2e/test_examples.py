# SPDX-License-Identifier: Apache-2.0
"""The examples of a cluster fit together: files, names, paths, and what the program says of them."""
import re
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
        for path in [*wanted, settings["dns"]["corefile"], settings["edge"]["static"]]:
            at = INSIDE / path
            holder = next(p for p in (at, *at.parents) if p in mounted)
            assert (folder / mounted[holder] / at.relative_to(holder)).exists(), path
        assert Path(settings["node"]["data_dir"]) in mounted
        assert Path(settings["admin"]["socket"]).parent in mounted
        assert Path(settings["certificates"]["directory"]).is_relative_to(
            settings["node"]["data_dir"]
        )
        assert settings["redis"]["url"].split("/")[2].split(":")[0] in services


def test_each_port_that_is_published_is_listened_on(folder):
    services = yaml.safe_load((folder / "docker-compose.yml").read_text())["services"]
    entry_points = yaml.safe_load((folder / "traefik.yml").read_text())["entryPoints"]
    listening = {e["address"].removeprefix(":") for e in entry_points.values()} | {"53"}
    for n in (1, 2, 3):
        ports = services[f"node-{n}"]["ports"]
        assert {port.split(":")[1].split("/")[0] for port in ports} == listening


def test_the_image_installs_each_library_that_the_program_is_linked_with():
    """By their names, since the packages of the image are Debian 12's, and this may be another."""
    elf = subprocess.run(["readelf", "-d", binary()], capture_output=True, text=True, check=True)
    linked = set(re.findall(r"NEEDED.*\[(\w[\w+-]*)", elf.stdout))
    in_every_image = {
        "libc",
        "libcrypt",
        "libm",
        "libgcc_s",
        "libstdc++",
        "libz",
        "ld-linux-x86-64",
    }
    of_another_name = {
        "libcrypto": "libssl",
        "libbrotlienc": "libbrotli",
        "libbrotlidec": "libbrotli",
    }
    installed = re.findall(r"\blib[\w.+-]*", (EXAMPLES / "Dockerfile").read_text())
    for library in linked - in_every_image:
        stem = of_another_name.get(library, library).replace("_", "-")
        package = re.compile(re.escape(stem) + r"(-?\d[\d.]*)?")
        assert any(package.fullmatch(name) for name in installed), library


def test_the_unit_runs_drains_and_restarts_the_node():
    sections: dict[str, dict[str, list[str]]] = {}
    for line in (EXAMPLES / "stagedoor.service").read_text().splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            current.setdefault(key, []).append(value)
    service = sections["Service"]
    program, config = "/usr/local/bin/stagedoor", "--config /etc/stagedoor/stagedoor.yml"
    assert service["ExecStart"] == [f"{program} run {config}"]
    assert f"{program} drain {config}" in service["ExecStop"][0]
    looks, takes_over = service["ExecReload"]
    assert looks == f"{program} check {config}", "a bad file fails the reload"
    assert f"{program} run --take-over {config}" in takes_over
    assert service["NotifyAccess"] == ["all"], "the process that takes over says so itself"
    assert service["Restart"] == ["on-failure"]
    assert sections["Unit"]["StartLimitIntervalSec"] == ["0"], "Redis may be away for long"
    for n in (1, 2, 3):
        settings = yaml.safe_load((EXAMPLES / f"node-{n}.yml").read_text())
        for path in (settings["node"]["data_dir"], settings["admin"]["socket"]):
            assert Path(path).is_relative_to(Path("/var/lib", service["StateDirectory"][0]))
