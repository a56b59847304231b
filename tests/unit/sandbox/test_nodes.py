"""The nodes of the sandbox, as far as they need neither root nor containers."""

import hashlib
import json
import re
import sys
import tarfile
from pathlib import Path

import pytest

from sandbox.nodes import images, network, nodes, programs
from sandbox.nodes.archive import Image, layer, write


def test_an_archive_holds_each_layer_once_and_all_that_its_index_names(tmp_path: Path) -> None:
    for name in ("base", "own"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    base, own = (layer(tmp_path / name, tmp_path / f"{name}.tar") for name in ("base", "own"))
    images = [Image("localhost/a:1", [base], {"Cmd": ["a"]}), Image("localhost/b:1", [base, own])]
    write(tmp_path / "images.tar", images)
    with tarfile.open(tmp_path / "images.tar") as archive:
        names = archive.getnames()
        content = {name: (archive.extractfile(name) or pytest.fail(name)).read() for name in names}
    assert len(names) == len(set(names)) == 2 + 2 * 2 + 2  # the layout, manifests and configurations, layers
    for name in names[2:]:
        assert name == f"blobs/sha256/{hashlib.sha256(content[name]).hexdigest()}"

    def blob(descriptor: dict[str, object]) -> bytes:
        found = content[f"blobs/{str(descriptor['digest']).replace(':', '/')}"]
        assert len(found) == descriptor["size"]
        return found

    for descriptor, image in zip(json.loads(content["index.json"])["manifests"], images, strict=True):
        assert descriptor["annotations"] == {"io.containerd.image.name": image.name}
        manifest = json.loads(blob(descriptor))
        assert [each["digest"] for each in manifest["layers"]] == [each.digest for each in image.layers]
        assert all(map(blob, manifest["layers"]))
        config = json.loads(blob(manifest["config"]))
        assert config["rootfs"]["diff_ids"] == [each.digest for each in image.layers]
        assert config["config"] == image.config


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


def test_no_two_nodes_share_an_address() -> None:
    numbers = range(1, network.COUNT + 1)
    assert len({network.address(number) for number in numbers} | {network.MACHINE}) == network.COUNT + 1
    assert len({network.pods_of(number) for number in numbers}) == network.COUNT


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


@pytest.mark.skipif(sys.platform != "linux", reason="nodes need Linux")
def test_nodes_of_an_earlier_boot_are_forgotten_and_nothing_is_taken_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    removed: list[str] = []
    monkeypatch.setattr(network, "remove", lambda: removed.append("network"))
    monkeypatch.setattr(nodes, "remove_cgroups", removed.extend)
    for boot, expected in (("another", []), (nodes._boot(), ["network", "memory"])):
        (tmp_path / "made.json").write_text(json.dumps({"boot": boot, "controllers": ["memory"]}))
        nodes.stop(tmp_path)
        assert removed == expected
        assert not (tmp_path / "made.json").exists()
