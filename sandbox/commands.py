"""The command lines of the three programs, each run with the sandbox's directory as its working directory.

The store listens on a Unix socket inside that private directory: with a port, every user of the machine could read
every Secret there, as etcd asks for no credentials.
"""

from __future__ import annotations

from pathlib import Path

# Relative, as a socket's whole path may have 107 bytes and no more. The `:0`, which looks like a port, is in its name.
ETCD_SOCKET = "etcd.sock:0"
_CLIENT = f"unix://{ETCD_SOCKET}"
_PEER = "unix://etcd-peer.sock:0"

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
