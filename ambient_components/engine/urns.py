"""URNs and type tokens of the resources in our stacks. A token is part of a URN and never changes."""

from dataclasses import dataclass
from typing import Final

STACK: Final = "pulumi:pulumi:Stack"
PROVIDER_PREFIX: Final = "pulumi:providers:"
AMBIENT_PROVIDER: Final = f"{PROVIDER_PREFIX}ambient"
KUBERNETES_PROVIDER: Final = f"{PROVIDER_PREFIX}kubernetes"

_OURS: Final = "ambient:"

# Components.
WORKSPACES: Final = "ambient:index:Workspaces"
WORKSPACE: Final = "ambient:index:Workspace"
GRANT: Final = "ambient:index:Grant"
API_KEY: Final = "ambient:index:ApiKey"
BUCKET: Final = "ambient:index:Bucket"

# Resources of our provider
ACCESS_LEDGER: Final = "ambient:index:AccessLedger"
ACCESS_TOKEN: Final = "ambient:index:AccessToken"  # noqa: S105  # a type token
CLOSURE: Final = "ambient:index:Closure"
CONTAINER_DEFAULTS: Final = "ambient:index:ContainerDefaults"
FEATURE_FLAGS: Final = "ambient:index:FeatureFlags"
PROJECT_SETTINGS: Final = "ambient:index:ProjectSettings"
ROLE_BINDING: Final = "ambient:index:RoleBinding"
S3_BUCKET: Final = "ambient:index:S3Bucket"
S3_CREDENTIALS: Final = "ambient:index:S3Credentials"
SCHEDULED_SESSION: Final = "ambient:index:ScheduledSession"
SERVICE_ACCOUNT: Final = "ambient:index:ServiceAccount"
WORKSPACE_SECRET: Final = "ambient:index:WorkspaceSecret"  # noqa: S105  # a type token

# Resources of other providers
NAMESPACE: Final = "kubernetes:core/v1:Namespace"
NAMESPACE_PATCH: Final = "kubernetes:core/v1:NamespacePatch"
CONFIG_MAP: Final = "kubernetes:core/v1:ConfigMap"
RESOURCE_QUOTA: Final = "kubernetes:core/v1:ResourceQuota"
NETWORK_POLICY: Final = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
FORMER_NETWORK_POLICY: Final = "kubernetes:extensions/v1beta1:NetworkPolicy"
_AWS_BUCKETS: Final = ("aws:s3/bucket:", "aws:s3/bucketV2:")

_SCHEME = "urn:pulumi:"


def short(token: str) -> str:
    """Return the last part of a token, such as `RoleBinding` for Kubernetes' own type and for ours."""
    return token.rpartition(":")[2]


def is_provider(token: str) -> bool:
    return token.startswith(PROVIDER_PREFIX)


def is_stacks_own(token: str) -> bool:
    return token in (STACK, ACCESS_LEDGER) or is_provider(token)


def is_ours(token: str) -> bool:
    """Tell whether messages about a resource of this type are of our own plugin and program."""
    return token in ("", STACK, AMBIENT_PROVIDER) or token.startswith(_OURS)


def is_bucket(token: str) -> bool:
    return token == S3_BUCKET or token.startswith(_AWS_BUCKETS)


@dataclass(frozen=True, slots=True)
class Urn:
    stack: str
    project: str
    types: tuple[str, ...]
    """Type tokens, from the outermost parent's to the resource's own."""
    name: str
    """The logical name. It may contain `::`, as in a grant to a service account."""

    @classmethod
    def parse(cls, text: str) -> "Urn":
        """Parse a URN. Any other text becomes the name, with all other parts empty."""
        match text.removeprefix(_SCHEME).split("::", 3):
            case [stack, project, types, name] if text.startswith(_SCHEME):
                return cls(stack, project, tuple(types.split("$")), name)
        return cls("", "", (), text)

    @property
    def type(self) -> str:
        return self.types[-1] if self.types else ""

    def __str__(self) -> str:
        if not self.types:
            return self.name
        return f"{urn_prefix(self.stack, self.project)}{'$'.join(self.types)}::{self.name}"


def urn_prefix(stack: str, project: str) -> str:
    return f"{_SCHEME}{stack}::{project}::"


def stack_urn(stack: str, project: str) -> Urn:
    return Urn(stack, project, (STACK,), f"{project}-{stack}")


def referenced(text: str) -> str:
    """Return the URN in a reference to a provider."""
    return text.rpartition("::")[0]
