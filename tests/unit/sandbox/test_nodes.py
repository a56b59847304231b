"""The nodes of the sandbox, as far as they need neither root nor containers."""

import json
import re
from pathlib import Path

import pytest

from sandbox.nodes import images, network, nodes, programs


def test_the_first_reason_against_nodes_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert programs.missing(tmp_path) == "nodes need Linux"
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert programs.missing(tmp_path) == "nodes need root: containers, mounts and networks are made"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: None if name == "runc" else f"/bin/{name}")
    assert "nodes need runc" in (programs.missing(tmp_path) or "")
    assert "apt-get install --no-install-recommends containerd runc" in (programs.missing(tmp_path) or "")


APT = """\
noble mirror+file:LIST main
noble-updates mirror+file:LIST main
noble mirror+file:LIST universe
noble https://other.example/ubuntu/ main
"""


def test_packages_come_from_the_mirror_and_the_components_that_apt_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mirrors = tmp_path / "mirrors.txt"
    mirrors.write_text("http://first.example/ubuntu/\tpriority:1\nhttps://second.example/ubuntu/\tpriority:2\n")
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"VERSION_CODENAME": "noble"})
    monkeypatch.setattr(images, "_run", lambda _: APT.replace("LIST", str(mirrors)))
    assert images._mirror() == ("http://first.example/ubuntu/", "noble", ["main", "universe"])


def test_the_packages_image_has_the_variables_of_the_dockerfile() -> None:
    assert images._variables()[:2] == [
        "PATH=/opt/ambient/bin:/opt/pulumi:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/home/ambient",
    ]  # fmt: skip
    assert all(re.fullmatch(r"[A-Z_]+=\S+", each) for each in images._variables())


def test_nodes_of_an_earlier_boot_are_forgotten_and_nothing_is_taken_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    removed: list[str] = []
    monkeypatch.setattr(network, "remove", lambda: removed.append("network"))
    monkeypatch.setattr(nodes, "remove_cgroups", removed.extend)
    monkeypatch.setattr(nodes, "_boot", lambda: "this")
    monkeypatch.setattr(nodes, "_nodes", lambda _: [])  # their groups of processes have the same names in each sandbox
    for boot, expected in (("another", []), ("this", ["network", "memory"])):
        (tmp_path / "made.json").write_text(json.dumps({"boot": boot, "controllers": ["memory"]}))
        nodes.stop(tmp_path)
        assert removed == expected
        assert not (tmp_path / "made.json").exists()
