"""The stack's config: its cluster, how the platform is installed there, and its object store."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import cast

import pulumi
from pulumi.runtime import get_config, is_config_secret

from ambient_components.components import ClusterArgs, ClusterProviders, StoreArgs
from ambient_components.errors import AmbientError, Problems, Where
from ambient_components.model.clusters import Cluster
from ambient_components.model.stack import Workspace
from ambient_components.platform.contract import PLATFORM_NAMESPACE_DEFAULT
from ambient_components.program.shard import Shard, config_stack, project_files, this_shard
from ambient_components.rules.installation import ACCESS_TESTS, API_SERVER, PLATFORM_URL, SSO, platform_url_problem
from ambient_components.rules.object_store import (
    IN_PLAIN_TEXT,
    OBJECT_STORE,
    REGION_DEFAULT,
    SECRET_KEY,
    StoreConfig,
    given_store,
    is_encrypted,
    parsed,
    set_command,
)
from ambient_components.rules.schedules import OPERATOR_IMAGE, image_problem
from ambient_components.shards.names import CONFIG_KEY
from ambient_components.stackfile.checks.keys import MAX_TOKEN_LIFETIME, max_token_lifetime
from ambient_components.stackfile.checks.storage import uses_aws
from ambient_components.suggest import did_you_mean


@dataclass(frozen=True)
class ObjectStore:
    """The store that holds the stack's buckets."""

    config: StoreConfig
    secret_key: pulumi.Output[str] | None = field(default=None, repr=False)
    """The administrator's secret key. None if AWS's default credentials are used."""

    @classmethod
    def of_aws(cls) -> "ObjectStore":
        return cls(StoreConfig(region=pulumi.Config("aws").get("region") or REGION_DEFAULT))

    @property
    def args(self) -> StoreArgs:
        """The providers' arguments: the values that the config sets, and the region."""
        given = {name: value for name, value in asdict(self.config).items() if value and name != "sessions_endpoint"}
        args = cast("StoreArgs", given)
        if self.secret_key is not None:
            args["secret_key"] = self.secret_key
        return args


def effective_store(workspaces: Mapping[str, Workspace], configured: ObjectStore | None) -> ObjectStore | None:
    """Return the store of a stack's buckets: the config's, or AWS where the config may be silent."""
    return configured or (ObjectStore.of_aws() if uses_aws(workspaces) else None)


def object_store(problems: Problems) -> ObjectStore | None:
    key = pulumi.Config().full_key(OBJECT_STORE)
    given = given_store(get_config(key), pulumi.Config("aws").get("region"))
    if given is None:
        return None
    for problem in given.problems:
        problem.report(problems)
    if given.secret_key:
        try:
            _check_secret_key(key, problems)
        except AmbientError as error:
            problems.extend(error.problems)
    secret = given.secret_key if isinstance(given.secret_key, str) and not given.problems else ""
    return ObjectStore(given.config, pulumi.Output.secret(secret) if secret else None)


def _check_secret_key(key: str, problems: Problems) -> None:
    """Refuse a secret key that is in plain text in the config file, or for which that can't be checked.

    The engine says only that some part of an object is encrypted, so the file is read. A value that is not in the file
    comes from an environment (Pulumi ESC), or from a file given by `--config-file`, which the engine does not name to
    programs.
    """
    field = f"{OBJECT_STORE}.{SECRET_KEY}"
    if not is_config_secret(key):
        IN_PLAIN_TEXT.report(problems)
        return
    files = project_files()
    path = files.path(config_stack())
    content = files.read(path) if path.exists() else {}
    written = parsed(files.values(path).get(OBJECT_STORE)) if content else None
    if is_encrypted(written):
        return
    if isinstance(written, Mapping) and SECRET_KEY in written:
        if not is_encrypted(written[SECRET_KEY]):
            IN_PLAIN_TEXT.report(problems)
    elif not content.get("environment"):
        problem = "is not in this file" if path.exists() else "there is no such file"
        remedy = f"set it there: {set_command(SECRET_KEY)}"
        problems.add(Where(files.shown(path)), field, f"{problem}, so whether it is encrypted can't be checked", remedy)


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

    sso: bool = False
    """Whether the platform logs users in by single sign-on. It then knows them by the names in their token."""

    api_server: bool = False
    """Whether the platform's API server (V2) runs beside its backend. Isolated workspaces then reach it."""

    operator_image: str | None = None
    """Image of the platform's operator, which schedules run. None for the one that the platform's backend has."""

    max_token_lifetime: int | None = None
    """The longest token lifetime that the cluster grants, in seconds. None if unknown or unlimited."""

    store: ObjectStore | None = None
    """The object store. None if the config has none."""

    approved_tests: str | None = None
    """Digest of the approved access tests. None if the config has none."""

    store_of_program: bool = False
    """Whether the program names the cluster, and with it the store, in place of the config."""

    shard: Shard | None = None
    """The shard. None for a plain stack."""

    @property
    def store_config(self) -> StoreConfig | None:
        return self.store.config if self.store is not None else None

    def of_cluster(self, cluster: Cluster | ClusterProviders | None) -> "StackSettings":
        """Return settings with the store of the program's cluster, or none: no provider of it has the config's."""
        if cluster is None:
            return self
        store = cluster.store
        fields = {"endpoint", "iam_endpoint", "region", "credentials"}
        given = None if store is None else StoreConfig(**store.model_dump(include=fields, exclude_none=True))
        return replace(self, store=ObjectStore(given) if given is not None else None, store_of_program=True)

    @classmethod
    def read(cls, problems: Problems) -> "StackSettings":
        """Read the config of this run. Collect missing and invalid values in `problems`."""
        config = pulumi.Config()
        cluster: ClusterArgs = {}
        if context := config.get("context"):
            cluster["context"] = context
        if uid := config.get("clusterUid"):
            cluster["cluster_uid"] = uid
        if (url := config.get(PLATFORM_URL)) and (verdict := platform_url_problem(url)):
            problems.add(None, PLATFORM_URL, *verdict)
        if (image := config.get(OPERATOR_IMAGE)) and (verdict := image_problem(image)):
            problems.add(None, OPERATOR_IMAGE, *verdict)
        shard = this_shard(config.get(CONFIG_KEY))
        return cls(
            f"{pulumi.get_project()}/{pulumi.get_stack() if shard is None else shard.fleet}",
            cluster,
            openshift=_flag(config, "openshift", problems),
            vertex=_flag(config, "vertex", problems),
            platform_namespace=config.get("platformNamespace") or PLATFORM_NAMESPACE_DEFAULT,
            sso=_flag(config, SSO, problems),
            api_server=_flag(config, API_SERVER, problems),
            operator_image=image,
            max_token_lifetime=max_token_lifetime(config.get(MAX_TOKEN_LIFETIME), problems),
            store=object_store(problems),
            approved_tests=config.get(ACCESS_TESTS),
            shard=shard,
        )

    def require_cluster(self, problems: Problems) -> None:
        """Require that the config names the cluster, as that of each stack file does."""
        if "cluster_uid" not in self.cluster:
            problems.add(
                None,
                "clusterUid",
                f"the config of stack {pulumi.get_stack()!r} does not say which cluster it belongs to",
                "set it once: pulumi config set clusterUid "
                "$(kubectl get namespace kube-system -o jsonpath={.metadata.uid}), or begin with: ambient init",
            )


def _flag(config: pulumi.Config, name: str, problems: Problems) -> bool:
    value = config.get(name) or "false"
    if value not in ("true", "false"):
        # Not quoted: the user may have set a secret under this name by mistake.
        meant = did_you_mean(value, ("true", "false"))
        word = "false" if "false" in meant else "true"
        problems.add(None, name, "is neither true nor false", f"{meant} pulumi config set {name} {word}".strip())
    return value == "true"
