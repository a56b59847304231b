"""What the stack's config says: which cluster, and how the platform is installed there."""

from dataclasses import dataclass

import pulumi

from ambient_components.components import ClusterArgs
from ambient_components.contract import PLATFORM_NAMESPACE_DEFAULT
from ambient_components.errors import Problems
from ambient_components.fleet.object_store import ObjectStore, object_store
from ambient_components.fleet.shard import Shard, this_shard
from ambient_components.shards import CONFIG_KEY
from ambient_components.spec.key_checks import MAX_TOKEN_LIFETIME, max_token_lifetime
from ambient_components.storage.config import StoreConfig
from ambient_components.suggest import did_you_mean


@dataclass(frozen=True)
class StackSettings:
    """What the stack's config (``stacks/Pulumi.<stack>.yaml``) says."""

    owner: str
    """PROJECT/FLEET, as ownership annotations say it: a workspace that moves to another shard keeps its mark."""

    cluster: ClusterArgs

    openshift: bool = False
    """Namespaces then carry display name and description."""

    vertex: bool = False
    """Sessions use Vertex AI, and need no language model's key (contract 3)."""

    platform_namespace: str = PLATFORM_NAMESPACE_DEFAULT
    """Where the platform runs."""

    max_token_lifetime: int | None = None
    """Seconds; the longest life of a token that the cluster grants. None: not known, or no cap."""

    store: ObjectStore | None = None
    """Where buckets are made. None: the config does not say."""

    shard: Shard | None = None
    """None: it is a plain stack."""

    @property
    def store_config(self) -> StoreConfig | None:
        """The store without its secret key."""
        return self.store.config if self.store is not None else None

    @classmethod
    def read(cls, problems: Problems) -> "StackSettings":
        """Reads the project's namespace of the config; what is missing goes to `problems`.

        Raises:
            AmbientError: the config is one of a fleet, and this stack is not one of its shards.
        """
        config = pulumi.Config()
        cluster: ClusterArgs = {}
        if context := config.get("context"):
            cluster["context"] = context
        if uid := config.get("clusterUid"):
            cluster["clusterUid"] = uid
        else:
            problems.add(
                None,
                "clusterUid",
                f"the config of stack {pulumi.get_stack()!r} does not say which cluster it belongs to",
                "set it once: pulumi config set clusterUid "
                "$(kubectl get namespace kube-system -o jsonpath={.metadata.uid}), or begin with: ambient init",
            )
        shard = this_shard(config.get(CONFIG_KEY))
        return cls(
            f"{pulumi.get_project()}/{pulumi.get_stack() if shard is None else shard.fleet}",
            cluster,
            openshift=_flag(config, "openshift", problems),
            vertex=_flag(config, "vertex", problems),
            platform_namespace=config.get("platformNamespace") or PLATFORM_NAMESPACE_DEFAULT,
            max_token_lifetime=max_token_lifetime(config.get(MAX_TOKEN_LIFETIME), problems),
            store=object_store(problems),
            shard=shard,
        )


def _flag(config: pulumi.Config, name: str, problems: Problems) -> bool:
    value = config.get(name) or "false"
    if value not in ("true", "false"):
        # Not quoted: somebody may have set a secret under this name.
        meant = did_you_mean(value, ("true", "false"))
        word = "false" if "false" in meant else "true"
        problems.add(None, name, "is neither true nor false", f"{meant} pulumi config set {name} {word}".strip())
    return value == "true"
