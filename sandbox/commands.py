"""The command lines of the programs, each run with the sandbox's directory as its working directory.

etcd listens on a Unix socket inside that private directory: with a port, every user of the machine could read every
Secret there, as it asks for no credentials. So does the door through which the S3 gateway asks who may do what.
"""

from __future__ import annotations

from pathlib import Path

# Relative, as a socket's whole path may have 107 bytes and no more. The `:0`, which looks like a port, is in its name.
ETCD_SOCKET = "etcd.sock:0"
_CLIENT = f"unix://{ETCD_SOCKET}"
_PEER = "unix://etcd-peer.sock:0"

STORE = "store"
"""The folder of the object store's data."""

STORE_FOLDERS = ("data", "versions", "iam", "attributes")
IAM_SOCKET = f"{STORE}/iam.sock"

# Without these a namespace is never deleted, a token Secret stays empty and a workspace has no account `default`.
CONTROLLERS = (
    "namespace-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "garbage-collector-controller",
    "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
    "resourcequota-controller",
    "legacy-serviceaccount-token-cleaner-controller",
)


def etcd(program: Path) -> list[str]:
    """One member, no peers."""
    return [
        str(program),
        "--name=sandbox",
        "--data-dir=etcd",
        f"--listen-client-urls={_CLIENT}",
        f"--advertise-client-urls={_CLIENT}",
        f"--listen-peer-urls={_PEER}",
        f"--initial-advertise-peer-urls={_PEER}",
        f"--initial-cluster=sandbox={_PEER}",
        # A sandbox may lose its last second in a power cut; in return its disk is never waited for.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def api_server(program: Path, port: int, tokens: Path, signing_key: Path) -> list[str]:
    """RBAC as in a real cluster; a private key file serves as the public one too."""
    return [
        str(program),
        f"--etcd-servers={_CLIENT}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        # Else it asks the machine for an address to announce, and fails where there is no network.
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


def controller_manager(program: Path, kubeconfig: Path, signing_key: Path, ca_file: Path) -> list[str]:
    """Only the controllers that an API server without nodes needs; no port, no election."""
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--controllers={','.join(CONTROLLERS)}",
        f"--service-account-private-key-file={signing_key}",
        f"--root-ca-file={ca_file}",
        "--use-service-account-credentials=false",
        "--leader-elect=false",
        "--secure-port=0",
    ]


def store_iam(program: Path, port: int) -> list[str]:
    """AWS's IAM API, with its users, keys and policies in one file."""
    iam = ["iam", f"--dir={STORE}/iam", f"--private-ports={IAM_SOCKET}"]
    return [str(program), f"--port=127.0.0.1:{port}", *iam]


def store_gateway(program: Path, port: int, attributes: Path | None = None) -> list[str]:
    """S3 on plain files, which asks the service for IAM at each request: what is revoked is refused at once.

    What it knows of a file goes into the file's extended attributes, or into files of the folder `attributes`.
    """
    gateway = [f"--port=127.0.0.1:{port}", "--iam-standalone-endpoint=../iam.sock", "--iam-cache-disable"]
    # It goes into its data's folder before it looks at the other paths, but for the last one: that is looked at twice.
    posix = ["posix", "--versioning-dir=../versions", *([f"--sidecar={attributes}"] if attributes else [])]
    return [str(program), *gateway, *posix, f"{STORE}/data"]
