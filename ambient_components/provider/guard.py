"""The cluster behind a guard: nothing is done in another one than the stack's."""

import threading

from ambient_components.provider.cluster import Cluster, core
from ambient_components.provider.failure import ProviderError


class WrongClusterError(ProviderError):
    """The kubeconfig leads to another cluster than the stack's."""


class Guard:
    """Hands out the cluster once it has proved to be the stack's own.

    A cluster's identity is the uid of its kube-system namespace: it survives upgrades and a change of address, and no
    two clusters share it. Another uid is an error, never a replacement of what the stack made (design 3.4).
    """

    def __init__(self, cluster: Cluster, expected_uid: str | None) -> None:
        self._cluster = cluster
        self._expected = expected_uid
        self._lock = threading.Lock()
        self._proved = expected_uid is None

    @property
    def cluster(self) -> Cluster:
        """The stack's cluster.

        Raises:
            WrongClusterError: the kubeconfig leads to another cluster.
            ProviderError: it leads to none.
        """
        with self._lock:
            if not self._proved:
                self._prove()
                self._proved = True
        return self._cluster

    def _prove(self) -> None:
        namespace = self._cluster.get(core("namespaces", "kube-system"))
        uid = str(((namespace or {}).get("metadata") or {}).get("uid"))
        if uid != self._expected:
            msg = (
                f"this is another cluster than the stack's: its uid is {uid}, the stack's config says clusterUid "
                f"{self._expected}; nothing is done. Choose the stack's cluster (KUBECONFIG, or context in the stack's "
                "config), or, if the cluster was made anew, begin a new stack: ambient init"
            )
            raise WrongClusterError(msg)
