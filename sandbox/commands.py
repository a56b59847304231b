"""The command lines of the programs. Each runs with the sandbox's directory as working directory.

etcd listens on a Unix socket in that private directory. On a port, every user of the machine could read every Secret,
because it requires no credentials. The same is true for the S3 gateway's IAM socket.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

# Relative, because a socket's path has at most 107 bytes. `:0` looks like a port but is part of the name.
ETCD_SOCKET = "etcd.sock:0"
_CLIENT = f"unix://{ETCD_SOCKET}"
_PEER = "unix://etcd-peer.sock:0"

STORE = "store"
"""The folder of the object store's data."""

STORE_FOLDERS = ("data", "versions", "iam", "attributes")
IAM_SOCKET = f"{STORE}/iam.sock"

# Without these controllers a namespace is never deleted, a token Secret stays empty and no `default` account exists.
CONTROLLERS = (
    "namespace-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "garbage-collector-controller",
    "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
    "resourcequota-controller",
    "legacy-serviceaccount-token-cleaner-controller",
    "validatingadmissionpolicy-status-controller",
)


def etcd(program: Path) -> list[str]:
    """Return the command for etcd, as a single member without peers."""
    return [
        str(program),
        "--name=sandbox",
        "--data-dir=etcd",
        f"--listen-client-urls={_CLIENT}",
        f"--advertise-client-urls={_CLIENT}",
        f"--listen-peer-urls={_PEER}",
        f"--initial-advertise-peer-urls={_PEER}",
        f"--initial-cluster=sandbox={_PEER}",
        # No fsync: a sandbox may lose its last second in a power failure, and is never blocked by a slow disk.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def api_server(program: Path, port: int, tokens: Path, signing_key: Path) -> list[str]:
    """Return the command for the API server, with RBAC as in a real cluster. One key file signs and verifies tokens."""
    return [
        str(program),
        f"--etcd-servers={_CLIENT}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        # Otherwise it looks for an address to advertise, and fails without a network.
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--cert-dir=certificates",
        "--authorization-mode=RBAC",
        f"--token-auth-file={tokens}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={signing_key}",
        f"--service-account-signing-key-file={signing_key}",
        "--service-cluster-ip-range=10.0.0.0/24",
    ]


def controller_manager(
    program: Path, kubeconfig: Path, signing_key: Path, ca_file: Path, controllers: Sequence[str] = CONTROLLERS
) -> list[str]:
    """Return the command for some controllers. No port, no leader election."""
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--controllers={','.join(controllers)}",
        f"--service-account-private-key-file={signing_key}",
        f"--root-ca-file={ca_file}",
        "--use-service-account-credentials=false",
        "--leader-elect=false",
        "--secure-port=0",
    ]


def store_iam(program: Path, port: int) -> list[str]:
    """Return the command for AWS's IAM API, with users, keys and policies in one file."""
    iam = ["iam", f"--dir={STORE}/iam", f"--private-ports={IAM_SOCKET}"]
    return [str(program), f"--port=127.0.0.1:{port}", *iam]


def store_gateway(program: Path, port: int, attributes: Path | None = None) -> list[str]:
    """Return the command for S3 on plain files.

    It queries IAM on each request, so revoked access is refused at once. It stores metadata in extended attributes, or
    in files in the folder `attributes`.
    """
    gateway = [f"--port=127.0.0.1:{port}", "--iam-standalone-endpoint=../iam.sock", "--iam-cache-disable"]
    # It changes to its data folder before it resolves all paths except the last, which it resolves twice.
    posix = ["posix", "--versioning-dir=../versions", *([f"--sidecar={attributes}"] if attributes else [])]
    return [str(program), *gateway, *posix, f"{STORE}/data"]
