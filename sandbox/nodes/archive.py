"""Container images without a registry: an OCI archive, written from folders."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.paths import partial_file
from sandbox.toolchain import architecture

_OCI = "application/vnd.oci.image"


@dataclass(frozen=True)
class Layer:
    """A tar archive of files, and its digest."""

    path: Path
    digest: str


@dataclass(frozen=True)
class Image:
    """A name, layers and what a container runs: fields of the OCI image's configuration."""

    name: str
    layers: Sequence[Layer]
    config: Mapping[str, Any] = field(default_factory=dict)


def layer(folder: Path, target: Path) -> Layer:
    """Pack a folder's files, with their owners, into `target`, and return that as a layer."""
    with partial_file(target) as temporary:
        words = ["tar", "--create", "--numeric-owner", "--sort=name", f"--file={temporary}", f"--directory={folder}"]
        done = subprocess.run([*words, "."], capture_output=True, text=True, check=False)
        if done.returncode:
            message = f"{folder} cannot be packed: {done.stderr.strip()}"
            raise SandboxError(message)
    return packed(target)


def packed(path: Path) -> Layer:
    """Return an archive of files as a layer."""
    with path.open("rb") as stream:
        return Layer(path, f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}")


def write(target: Path, images: Iterable[Image]) -> None:
    """Write an archive of images, each of their layers once."""
    layers: dict[str, Layer] = {}
    blobs: dict[str, bytes] = {}
    manifests = []
    for image in images:
        layers |= {each.digest: each for each in image.layers}
        config = {
            "architecture": architecture(),
            "os": "linux",
            "config": dict(image.config),
            "rootfs": {"type": "layers", "diff_ids": [each.digest for each in image.layers]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": _blob(blobs, "config", config),
            "layers": [
                {"mediaType": f"{_OCI}.layer.v1.tar", "digest": each.digest, "size": each.path.stat().st_size}
                for each in image.layers
            ],
        }
        name = {"io.containerd.image.name": image.name}
        manifests.append({**_blob(blobs, "manifest", manifest), "annotations": name})
    index = {"schemaVersion": 2, "manifests": manifests}
    with partial_file(target) as temporary, tarfile.open(temporary, "w") as archive:
        _add(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        _add(archive, "index.json", json.dumps(index).encode())
        for digest, content in blobs.items():
            _add(archive, _path(digest), content)
        for each in layers.values():
            archive.add(each.path, _path(each.digest))


def _blob(blobs: dict[str, bytes], kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Add a JSON blob, and return its descriptor."""
    content = json.dumps(value).encode()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    blobs[digest] = content
    return {"mediaType": f"{_OCI}.{kind}.v1+json", "digest": digest, "size": len(content)}


def _path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
