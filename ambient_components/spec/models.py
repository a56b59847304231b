"""The stack file as frozen models; the text after each field is also its documentation in the JSON Schema."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from ambient_components.contract import (
    DISPLAY_NAME_MAX,
    PLATFORM_NAMESPACE_DEFAULT,
    RESERVED_NAMESPACES,
    WORKSPACE_DESCRIPTION_MAX,
    Role,
)
from ambient_components.labels import LABEL_KEY_PATTERN, LABEL_VALUE_PATTERN
from ambient_components.naming import KEY_ID_MAX
from ambient_components.rules.findings import Finding, Path
from ambient_components.rules.states import WorkspaceState
from ambient_components.spec.base import Model, choice, refuse
from ambient_components.spec.dates import DayOrMoment, Span, TimeZone
from ambient_components.spec.keys import Key, KeyDefaults
from ambient_components.spec.limits import Limits
from ambient_components.spec.on_close import OnClose
from ambient_components.spec.rails import Allowance, Rails, StackAllowance
from ambient_components.spec.settings import Settings
from ambient_components.spec.sources import Secrets
from ambient_components.spec.storage import Storage
from ambient_components.spec.types import (
    Duration,
    FilePath,
    Flag,
    PodSecurityName,
    ReviewerText,
    RoleName,
    ShardNumber,
    StackName,
    StateName,
    SubjectName,
    SubjectText,
    Text,
)
from ambient_components.subjects import Subject, SubjectKind

# What names may be, for editors; `spec.checks` says it in words. The tests hold both against each other.
_WORKSPACE_NAMES: JsonDict = {
    "propertyNames": {
        "pattern": "^[a-z][-a-z0-9]{0,61}[a-z0-9]$",
        "not": {"enum": [*sorted({*RESERVED_NAMESPACES, PLATFORM_NAMESPACE_DEFAULT})]},
    }
}
_KEY_IDS: JsonDict = {"propertyNames": {"pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": KEY_ID_MAX}}
_LABELS: JsonDict = {
    "propertyNames": {"pattern": f"^{LABEL_KEY_PATTERN}$"},
    "additionalProperties": {"type": "string", "pattern": f"^{LABEL_VALUE_PATTERN}$"},
}
_ANNOTATIONS: JsonDict = {"propertyNames": {"pattern": f"^{LABEL_KEY_PATTERN}$"}}


class Grant(Model):
    """Access of one user or one group to the workspace, listed and revocable on its Sharing page."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"title": "a user", "required": ["user"]}, {"title": "a group", "required": ["group"]}]
        }
    )

    user: SubjectName | None = None
    """Name of a user, exactly as the cluster authenticates it. Either this or `group`."""

    group: SubjectName | None = None
    """Name of a group, exactly as the cluster knows it. Either this or `user`."""

    role: RoleName = Role.VIEW
    """view, edit or admin; view, as in the platform's UI, if left out."""

    from_: DayOrMoment | None = Field(default=None, alias="from")
    """First day of the grant, or the moment at which it begins; before it there is none. From the next run on if left
    out."""

    until: DayOrMoment | None = None
    """Last day of the grant, or the moment at which it ends; for as long as the line stands here if left out."""

    warn_ahead: Duration | None = None
    """How early runs announce that it begins or ends; 14d if left out."""

    @model_validator(mode="after")
    def _exactly_one_subject(self) -> Self:
        if (self.user is None) == (self.group is None):
            problem = "names neither a user nor a group" if self.user is None else "names a user and a group"
            refuse(problem, "allowed: exactly one of them, as {user: NAME} or {group: NAME}")
        return self

    @property
    def subject(self) -> Subject:
        """Return whom the grant is for."""
        if self.user is not None:
            return Subject(SubjectKind.USER, self.user)
        return Subject(SubjectKind.GROUP, self.group or "")

    @property
    def dated(self) -> bool:
        """Return whether it begins or ends by itself."""
        return self.from_ is not None or self.until is not None

    def span(self, zone: ZoneInfo) -> Span:
        """Return when it holds.

        Args:
            zone: of the stack.
        """
        return Span.of(self.from_, self.until, zone)


class Defaults(Model):
    """What lies under workspaces: mappings merge entry by entry; lists and values of a workspace take their place."""

    owners: list[SubjectText] = []
    """Admins that the Sharing page neither lists nor revokes."""

    reviewers: list[ReviewerText] = []
    """Who approves changes of a workspace; in `defaults` also of what holds for the whole stack, and of new ones."""

    grants: list[Grant] = []
    """Who may use the workspace."""

    keys: KeyDefaults = KeyDefaults()
    """For each key that the workspace has; it makes no key by itself."""

    secrets: Secrets = Secrets()
    """What every session gets as environment variables, by reference."""

    settings: Settings = Settings()
    """How sessions behave."""

    limits: Limits = Limits()
    """What the workspace may use."""

    labels: dict[Text, Text] = Field(default={}, json_schema_extra=_LABELS)
    """Further labels of the namespace."""

    annotations: dict[Text, Text] = Field(default={}, json_schema_extra=_ANNOTATIONS)
    """Further annotations of the namespace."""

    pod_security: PodSecurityName | None = None
    """Pod security level that the namespace enforces: privileged or baseline."""

    protect: Flag | None = None
    """Whether the engine refuses to delete the namespace."""

    on_close: OnClose = OnClose()
    """What becomes of running sessions when a workspace is closed."""


class Workspace(Model):
    """One workspace: a namespace of the platform, who may use it, its keys and secrets, and how its sessions behave."""

    template: Text | None = None
    """Name of the template that lies under this workspace, over `defaults`."""

    display_name: Text = Field(default="", max_length=DISPLAY_NAME_MAX)
    """Name in the UI, on OpenShift only; the workspace's own name if left out."""

    description: Text = Field(default="", max_length=WORKSPACE_DESCRIPTION_MAX)
    """What the workspace is for, shown on OpenShift only."""

    owners: list[SubjectText] = []
    """Admins that the Sharing page neither lists nor revokes: user:NAME, group:NAME, serviceaccount:NAMESPACE:NAME."""

    reviewers: list[ReviewerText] = []
    """Who approves changes to this entry, one of them is enough: user:NAME, group:NAME. No access by itself."""

    grants: list[Grant] = []
    """Who may use the workspace; at most one grant a subject at a time."""

    keys: dict[Text, Key] = Field(default={}, json_schema_extra=_KEY_IDS)
    """API keys by id; an id is stable, since objects are named after it."""

    secrets: Secrets = Secrets()
    """What every session gets as environment variables, by reference."""

    storage: Storage = Storage()
    """Where the state of sessions is kept; in the platform's shared bucket if left out."""

    settings: Settings = Settings()
    """How sessions behave."""

    limits: Limits = Limits()
    """What the workspace may use."""

    labels: dict[Text, Text] = Field(default={}, json_schema_extra=_LABELS)
    """Further labels of the namespace, such as `{cost-center: "4711"}`; those of the platform are reserved."""

    annotations: dict[Text, Text] = Field(default={}, json_schema_extra=_ANNOTATIONS)
    """Further annotations of the namespace; those of the platform are reserved."""

    pod_security: PodSecurityName | None = None
    """Pod security level that the namespace enforces: privileged or baseline; the cluster's own if left out."""

    protect: Flag = True
    """Whether `pulumi destroy` refuses to delete the namespace; true if left out."""

    state: StateName = WorkspaceState.ACTIVE
    """active; closed: grants, keys, secrets and the bucket's credentials end, while owners and data stay; released: all
    stays, without this tool. active if left out."""

    on_close: OnClose = OnClose()
    """What becomes of running sessions when the workspace is closed."""

    adopt: Flag = False
    """Whether a namespace is taken over that exists and that nobody's mark is on; the line may stay afterwards.
    false if left out: what exists is then refused."""

    allow: list[Allowance] = []
    """Rails that may be crossed in this workspace, each with a reason."""

    shard: ShardNumber | None = None
    """Which shard of the fleet holds it, instead of the one that its name leads to; of no meaning where the stack has
    no shards."""


class Section(StrEnum):
    """A section of a stack file that an included file may hold only if the including file grants it."""

    INCLUDE = "include"
    """Further files."""

    TIMEZONE = "timezone"
    """Time zone of plain days."""

    RUN_EVERY = "runEvery"
    """How often a run is promised."""

    ALLOW = "allow"
    """Rails that may be crossed in every workspace."""

    RAILS = "rails"
    """How strict the rails are."""

    DEFAULTS = "defaults"
    """What lies under every workspace."""

    TEMPLATES = "templates"
    """Named defaults."""


def _section(value: object) -> object:
    if value == "workspaces":
        refuse("every included file may hold workspaces", "remove it")
    return choice(value, Section, "section that can be granted")


SectionName = Annotated[Section, BeforeValidator(_section)]
"""include, timezone, runEvery, allow, rails, defaults or templates."""


class Included(Model):
    """Further files of this stack, and what they may hold besides workspaces."""

    path: FilePath
    """Path of a file, or a pattern of several, relative to this one."""

    sections: list[SectionName] = []
    """Sections that the file may hold besides `workspaces`. They have effect on the workspaces of every file, so grant
    them to files that the reviewers of this one approve. None if left out."""


def _included(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


class StackFile(Model):
    """Everything that one stack should hold."""

    model_config = ConfigDict(title="Stack file")

    include: list[Annotated[Included, BeforeValidator(_included, json_schema_input_type=FilePath | Included)]] = []
    """Further files of this stack, relative to this one: a path, or a mapping with the path and the sections that the
    file may hold besides `workspaces`."""

    timezone: TimeZone = ZoneInfo("UTC")
    """Time zone of plain days, such as Europe/Berlin; UTC if left out."""

    run_every: Duration | None = None
    """How often a run is promised, such as 1d; keys whose renewal it could come too late for are refused."""

    allow: list[StackAllowance] = []
    """Rails that may be crossed in every workspace, each with a reason."""

    rails: Rails = Rails()
    """How strict the rails are."""

    stacks: list[StackName] = []
    """Stacks that are run together, of several clusters for instance, each with a file of its own; such a file holds
    nothing else."""

    defaults: Defaults = Defaults()
    """What lies under every workspace."""

    templates: dict[Text, Defaults] = {}
    """Named defaults, for the workspaces that name one as their `template`."""

    workspaces: dict[Text, Workspace] = Field(default={}, json_schema_extra=_WORKSPACE_NAMES)
    """Workspaces by name, which is the namespace's name and can't be changed."""


Check = Callable[[Path, str, Workspace], Iterator[Finding]]
"""A pure function of the path of a workspace, its name and what it says, defaults and template included."""
