"""Installation on a bare API server: the platform's custom resources, roles and namespace, the deployer's rights."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any

import yaml

from ambient_components.cli.rbac import deployer_manifest
from sandbox.api import Api, ApiError
from sandbox.errors import SandboxError
from sandbox.paths import PLATFORM_MANIFESTS

PLATFORM_NAMESPACE = "ambient-code"


def manifests() -> list[str]:
    """Return what to apply, in order."""
    platform = [PLATFORM_MANIFESTS / name for name in ("crds.yaml", "clusterroles.yaml", "accounts.yaml")]
    return [*(path.read_text(encoding="utf-8") for path in platform), deployer_manifest()]


def fingerprint() -> str:
    """Return a fingerprint of the manifests. A running sandbox applies them again only if it changes."""
    digest = hashlib.sha256()
    for text in manifests():
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def install(api: Api) -> None:
    """Apply everything as the administrator, and wait until the custom resources are served."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLATFORM_NAMESPACE}}
    documents: list[dict[str, Any]] = [namespace]
    for text in manifests():
        documents += [document for document in yaml.safe_load_all(text) if document]
    for document in documents:
        try:
            api.apply(document)
        except ApiError as error:
            message = f"{document['kind']} {document['metadata']['name']} is refused: {error}"
            raise SandboxError(message) from error
    _wait_served(api, [d["metadata"]["name"] for d in documents if d["kind"] == "CustomResourceDefinition"])


def _wait_served(api: Api, names: Sequence[str], patience: float = 20.0) -> None:
    deadline = time.monotonic() + patience
    for name in names:
        plural, _, group = name.partition(".")
        while True:
            try:
                api.request("GET", f"/apis/{group}/v1alpha1/{plural}?limit=1")
                break
            except ApiError as error:
                if error.status not in (404, 503) or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)
