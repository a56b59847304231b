"""The stack's config: which cluster it targets and how the platform is installed there."""

from dataclasses import dataclass

import pulumi

from ambient_components.components import ClusterArgs
from ambient_components.errors import Problems
from ambient_components.platform.contract import PLATFORM_NAMESPACE_DEFAULT
from ambient_components.program.object_store import ObjectStore, object_store
from ambient_components.program.shard import Shard, this_shard
from ambient_components.rules.object_store import StoreConfig
from ambient_components.shards import CONFIG_KEY
from ambient_components.stackfile.checks.keys import MAX_TOKEN_LIFETIME, max_token_lifetime
from ambient_components.suggest import did_you_mean


@dataclass(frozen=True)
class StackSettings:
    """The values of the stack's config (``stacks/Pulumi.<stack>.yaml``)."""

    owner: str
    """PROJECT/FLEET, the value of ownership annotations. A workspace that moves to another shard keeps its
    annotation."""

    cluster: ClusterArgs

    openshift: bool = False
    """Whether the cluster is OpenShift. Namespaces then carry a display name and a description."""

    vertex: bool = False
    """Whether sessions use Vertex AI, which needs no model API key (contract 3)."""

    platform_namespace: str = PLATFORM_NAMESPACE_DEFAULT
    """The platform's namespace."""

    max_token_lifetime: int | None = None
    """The longest token lifetime that the cluster grants, in seconds. None if unknown or unlimited."""

    store: ObjectStore | None = None
    """The object store. None if the config has none."""

    shard: Shard | None = None
    """The shard. None for a plain stack."""

    @property
    def store_config(self) -> StoreConfig | None:
        """The store without its secret key."""
        return self.store.config if self.store is not None else None

    @classmethod
    def read(cls, problems: Problems) -> "StackSettings":
        """Read the config of this run. Collect missing and invalid values in `problems`.

        Raises:
            AmbientError: The config belongs to a fleet, and this stack is not one of its shards.
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
        # Not quoted: the user may have set a secret under this name by mistake.
        meant = did_you_mean(value, ("true", "false"))
        word = "false" if "false" in meant else "true"
        problems.add(None, name, "is neither true nor false", f"{meant} pulumi config set {name} {word}".strip())
    return value == "true"
