"""What tests of the cluster's client share."""

from tests.support.clusters import api, cluster, slept

__all__ = ["api", "cluster", "slept"]
