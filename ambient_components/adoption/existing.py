"""The objects of existing workspaces, read with one list request for each kind. The only module that reads a cluster.

Values of Secrets are dropped as soon as a page arrives: only the names in their data are kept. Of objects that
workspace users write, only the fields that matter are kept (see `cluster.objects`).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ambient_components.cluster.client import ApiError, Cluster, core, path
from ambient_components.cluster.guard import Guard
from ambient_components.cluster.objects import Json, annotations, mapping, mappings, metadata, name, namespace, text
from ambient_components.cluster.roles import small_owner, small_role
from ambient_components.errors import AmbientError, Problem, StepError, refusal
from ambient_components.platform.contract import (
    APP_LABEL,
    BATCH_API_GROUP,
    CA_BUNDLE,
    CREATED_AT_ANNOTATION,
    CREATED_BY_USER_ID_ANNOTATION,
    DESCRIPTION_ANNOTATION,
    FEATURE_FLAGS,
    INTEGRATION_SECRET,
    KEY_APP,
    KEY_NAME_ANNOTATION,
    LAST_USED_AT_ANNOTATION,
    MANAGED,
    MANAGED_LABEL,
    NETWORK_API_GROUP,
    OWNER_ANNOTATION,
    PLATFORM_API_GROUP,
    PLATFORM_API_VERSION,
    PROJECT_SETTINGS,
    RBAC_API_GROUP,
    ROLE_ANNOTATION,
    RUNNER_SECRET,
    SA_NAME_ANNOTATION,
    SCHEDULE_LABEL,
    SCHEDULE_NAME_ANNOTATION,
    SESSION_PREFIX,
    SESSIONS,
    SUBJECT_KIND_ANNOTATION,
    SUBJECT_NAME_ANNOTATION,
)


@dataclass(frozen=True, slots=True)
class Read:
    kind: str
    group: str
    resource: str
    selector: str | None = None
    name: str | None = None
    """Only objects with this name; the right to list this name is then enough."""
    version: str = "v1"

    @property
    def path(self) -> str:
        return path("apis", self.group, self.version, self.resource) if self.group else core(self.resource)

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"list {resource}{f' {self.name!r}' if self.name else ''}"


NAMESPACES: Final = Read("Namespace", "", "namespaces", f"{MANAGED_LABEL}={MANAGED}")
SETTINGS: Final = Read(
    "ProjectSettings", PLATFORM_API_GROUP, "projectsettings", name=PROJECT_SETTINGS, version=PLATFORM_API_VERSION
)
BINDINGS: Final = Read("RoleBinding", RBAC_API_GROUP, "rolebindings")
ROLES: Final = Read("Role", RBAC_API_GROUP, "roles")
OWNING_SESSIONS: Final = Read("AgenticSession", PLATFORM_API_GROUP, SESSIONS, version=PLATFORM_API_VERSION)
ACCOUNTS: Final = Read("ServiceAccount", "", "serviceaccounts", f"{APP_LABEL}={KEY_APP}")
SECRETS: Final = tuple(Read("Secret", "", "secrets", name=secret) for secret in (RUNNER_SECRET, INTEGRATION_SECRET))
FLAGS: Final = Read("ConfigMap", "", "configmaps", name=FEATURE_FLAGS)
CA_BUNDLES: Final = Read("ConfigMap", "", "configmaps", name=CA_BUNDLE)
LIMIT_RANGES: Final = Read("LimitRange", "", "limitranges")
QUOTAS: Final = Read("ResourceQuota", "", "resourcequotas")
POLICIES: Final = Read("NetworkPolicy", NETWORK_API_GROUP, "networkpolicies")
SCHEDULES: Final = Read("CronJob", BATCH_API_GROUP, "cronjobs", f"{SCHEDULE_LABEL}=true")


_KEPT: Final = frozenset(
    {
        CREATED_AT_ANNOTATION,
        CREATED_BY_USER_ID_ANNOTATION,
        DESCRIPTION_ANNOTATION,
        KEY_NAME_ANNOTATION,
        LAST_USED_AT_ANNOTATION,
        ROLE_ANNOTATION,
        SA_NAME_ANNOTATION,
        SUBJECT_KIND_ANNOTATION,
        SUBJECT_NAME_ANNOTATION,
    }
)
_LONGEST: Final = 4096
"""Characters kept of one of them; longer than any valid one."""


@dataclass(slots=True)
class NamespaceObjects:
    """The objects of one workspace, as the API server returned them, without what is not read."""

    namespace: Json
    bindings: list[Json] = field(default_factory=list)
    accounts: list[Json] = field(default_factory=list)
    """The ServiceAccounts of keys, by the platform's label."""
    secrets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Names in the data of the two workspace Secrets, by Secret; never a value."""
    roles: list[Json] = field(default_factory=list)
    """Roles that have a name of the platform's own."""
    sessions: list[Json] = field(default_factory=list)
    settings: Json | None = None
    flags: Json | None = None
    """ConfigMap with the overrides of feature flags."""
    ca_bundle: Json | None = None
    """ConfigMap with certificates, without its data."""
    limit_ranges: list[Json] = field(default_factory=list)
    quotas: list[Json] = field(default_factory=list)
    policies: list[Json] = field(default_factory=list)
    schedules: list[Json] = field(default_factory=list)
    """CronJobs of scheduled sessions, with names and cron expressions alone."""


@dataclass(frozen=True, slots=True)
class ExistingObjects:
    workspaces: Mapping[str, NamespaceObjects]
    missing: tuple[str, ...] = ()
    """Requested workspaces that do not exist, sorted: no namespace of this name has the platform's label."""


def read_existing(guard: Guard, workspaces: Collection[str] = ()) -> ExistingObjects:
    """Return the objects of existing workspaces: of these, or of all. Nothing is written."""
    try:
        cluster = guard.cluster
        return _read(cluster, workspaces)
    except StepError as error:
        denied = isinstance(error, ApiError) and error.lacks_right
        problem = replace(error.problem, hints=(*error.problem.hints, *_DENIED)) if denied else error.problem
        raise AmbientError([problem]) from None


def _read(cluster: Cluster, workspaces: Collection[str]) -> ExistingObjects:
    lists = _Lists(cluster)
    spaces = {
        name(space): NamespaceObjects(_slim(space))
        for space in lists.each(NAMESPACES)
        if not workspaces or name(space) in workspaces
    }
    for read, add in _ADDED.items():
        for item in lists.each(read):
            if (place := spaces.get(namespace(item))) is not None:
                add(place, item)
    lists.raise_if_refused()
    return ExistingObjects(dict(sorted(spaces.items())), tuple(sorted({*workspaces} - {*spaces})))


def _add_settings(place: NamespaceObjects, item: Json) -> None:
    place.settings = _slim(item, "spec")


def _add_role(place: NamespaceObjects, item: Json) -> None:
    if name(item).startswith(SESSION_PREFIX):
        place.roles.append(small_role(item))


def _add_secret(place: NamespaceObjects, item: Json) -> None:
    place.secrets[name(item)] = tuple(sorted(filter(None, map(text, mapping(item.get("data"))))))


def _add_flags(place: NamespaceObjects, item: Json) -> None:
    place.flags = _slim(item, "data")


def _add_ca_bundle(place: NamespaceObjects, item: Json) -> None:
    place.ca_bundle = _slim(item)


def _add_schedule(place: NamespaceObjects, item: Json) -> None:
    spec = {"schedule": text(mapping(item.get("spec")).get("schedule"))[:_LONGEST]}
    place.schedules.append({**_slim(item, only={OWNER_ANNOTATION, SCHEDULE_NAME_ANNOTATION}), "spec": spec})


_ADDED: Final[Mapping[Read, Callable[[NamespaceObjects, Json], None]]] = {
    SETTINGS: _add_settings,
    BINDINGS: lambda place, item: place.bindings.append(_slim(item, "roleRef", "subjects", only=_KEPT)),
    ROLES: _add_role,
    OWNING_SESSIONS: lambda place, item: place.sessions.append(small_owner(item)),
    ACCOUNTS: lambda place, item: place.accounts.append(_slim(item, only=_KEPT)),
    **dict.fromkeys(SECRETS, _add_secret),
    FLAGS: _add_flags,
    CA_BUNDLES: _add_ca_bundle,
    LIMIT_RANGES: lambda place, item: place.limit_ranges.append(_slim(item, "spec")),
    QUOTAS: lambda place, item: place.quotas.append(_slim(item, "spec")),
    POLICIES: lambda place, item: place.policies.append(_slim(item, "spec")),
    SCHEDULES: _add_schedule,
}
READS: Final = (NAMESPACES, *_ADDED)
"""All requests, in their order. Each needs the right to list, over the whole cluster."""


class _Lists:
    """Lists of a cluster; all missing rights are reported together."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._refused: list[Read] = []

    def each(self, read: Read) -> Iterator[dict[str, Any]]:
        try:
            for item in self._cluster.each(read.path, read.selector, name=read.name):
                # A server that ignores a selector must not add objects: other Secrets have other values.
                if read.name in (None, name(item)):
                    yield item
        except ApiError as error:
            if error.status == 404 and read is SETTINGS:
                raise StepError(*_NOT_INSTALLED) from None
            if error.status == 404 and read is OWNING_SESSIONS:
                return
            if not error.lacks_right:
                raise
            self._refused.append(read)

    def raise_if_refused(self) -> None:
        if self._refused:
            raise AmbientError(map(_lacking, self._refused))


_DENIED: Final = ("use the kubeconfig of the deployer, or of a cluster admin: adoption only reads the cluster",)

_NOT_INSTALLED: Final = (
    "the Ambient Code Platform is not installed in this cluster: it does not have the resource "
    f"{SETTINGS.resource}.{SETTINGS.group}",
    "choose the platform's cluster: KUBECONFIG, or context in the stack's config",
    "or install the platform first",
)


def _lacking(read: Read) -> Problem:
    group = f" of the API group {read.group}" if read.group else ""
    named = f" named {read.name}" if read.name else ""
    return refusal(
        f"the right to list {read.resource}{named}{group} in all namespaces is missing",
        "use the kubeconfig of a cluster admin: adoption only reads the cluster",
        "or add it to the deployer's role: ambient rbac STACK --adopt",
    )


def _slim(item: Json, *sections: str, only: Collection[str] | None = None) -> dict[str, Any]:
    """Return the parts of an object that adoption reads: these sections, and `only` these annotations."""
    meta = metadata(item)
    kept = {key: meta[key] for key in ("name", "namespace", "uid", "labels", "creationTimestamp") if key in meta}
    notes = annotations(item)
    kept["annotations"] = (
        notes if only is None else {key: value[:_LONGEST] for key, value in notes.items() if key in only}
    )
    for key in ("deletionTimestamp", "finalizers", "ownerReferences"):
        if meta.get(key):
            kept[key] = meta[key]
    kept["managedFields"] = [
        {"manager": manager, "operation": operation} for manager, operation in sorted(_managers(meta))
    ]
    return {"metadata": kept, **{key: item[key] for key in sections if key in item}}


def _managers(meta: Json) -> set[tuple[str, str]]:
    fields: Iterable[Json] = mappings(meta.get("managedFields"))
    return {(text(entry.get("manager")), text(entry.get("operation"))) for entry in fields}
