"""The stack file as frozen models; the docstrings of fields are also the descriptions in the JSON Schema."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from ambient_components.model.access_tests import NO_TESTS, AccessTests
from ambient_components.model.acknowledgements import Acknowledgement, StackAcknowledgement
from ambient_components.model.base import Model, choice, refuse
from ambient_components.model.dates import TimeZone
from ambient_components.model.grants import Grant, owner_findings
from ambient_components.model.guard import NO_GUARD, Guard
from ambient_components.model.guardrails import GuardrailException, Guardrails, StackException
from ambient_components.model.keys import Key, KeyDefaults
from ambient_components.model.limits import Limits
from ambient_components.model.reviews import OnOverdue
from ambient_components.model.schedules import SCHEDULE_IDS, Schedule, schedules_findings
from ambient_components.model.settings import OnClose, Settings
from ambient_components.model.sources import Secrets
from ambient_components.model.storage import Storage
from ambient_components.model.types import (
    Duration,
    FilePath,
    Flag,
    PodSecurityName,
    ReviewerText,
    ShardNumber,
    StackName,
    StateName,
    SubjectText,
    Text,
)
from ambient_components.platform.contract import (
    DISPLAY_NAME_MAX,
    PLATFORM_NAMESPACE_DEFAULT,
    RESERVED_NAMESPACES,
    WORKSPACE_DESCRIPTION_MAX,
)
from ambient_components.platform.naming import KEY_ID_MAX
from ambient_components.rules.findings import Finding, below, spell
from ambient_components.rules.labels import LABEL_KEY_PATTERN, LABEL_VALUE_PATTERN, note_findings, text_findings
from ambient_components.rules.workspaces import WorkspaceState

# Patterns of names for editors; `stackfile.checks.names` has the same rules with messages, and tests compare both.
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


class Defaults(Model):
    """Defaults of workspaces: mappings are merged; lists and values of a workspace replace these."""

    example_by_name: ClassVar[str] = "{NAME: {}}"

    owners: list[SubjectText] = []
    """Admins that the Sharing page neither lists nor revokes."""

    reviewers: list[ReviewerText] = []
    """Subjects that approve changes of a workspace; in `defaults` also changes of the whole stack, and new workspaces.
    """

    grants: list[Grant] = []
    """Grants of access to the workspace."""

    keys: KeyDefaults = KeyDefaults.as_default()
    """Defaults for each key of a workspace; they create no key."""

    secrets: Secrets = Secrets.as_default()
    """References to the environment variables of all sessions."""

    settings: Settings = Settings.as_default()
    """Behaviour of sessions."""

    limits: Limits = Limits.as_default()
    """Limits of the workspace."""

    labels: dict[Text, Text] = Field(default={}, json_schema_extra=_LABELS)
    """Further labels of the namespace."""

    annotations: dict[Text, Text] = Field(default={}, json_schema_extra=_ANNOTATIONS)
    """Further annotations of the namespace."""

    pod_security: PodSecurityName | None = None
    """Pod Security level that the namespace enforces: privileged or baseline."""

    protect: Flag | None = None
    """Whether the engine refuses to delete the namespace."""

    guard: Guard = NO_GUARD
    """What the cluster's guard refuses in the workspace."""

    on_close: OnClose = OnClose.as_default()
    """What happens to running sessions when a workspace is closed."""


class Workspace(Model):
    """One workspace: a namespace of the platform with access, keys, secrets and session settings."""

    example_by_name: ClassVar[str] = "{NAME: {}}"

    template: Text | None = None
    """Name of the template for this workspace, which is merged over `defaults`."""

    display_name: Text = Field(default="", max_length=DISPLAY_NAME_MAX)
    """Name in the UI, on OpenShift only. Default: the workspace's name."""

    description: Text = Field(default="", max_length=WORKSPACE_DESCRIPTION_MAX)
    """Purpose of the workspace, shown on OpenShift only."""

    owners: list[SubjectText] = []
    """Admins that the Sharing page neither lists nor revokes: user:NAME, group:NAME, serviceaccount:NAMESPACE:NAME."""

    reviewers: list[ReviewerText] = []
    """Subjects that approve changes of this entry; one approval is enough: user:NAME, group:NAME. Does not give access.
    """

    grants: list[Grant] = []
    """Grants of access to the workspace; at most one per subject at a time."""

    keys: dict[Text, Key] = Field(default={}, json_schema_extra=_KEY_IDS)
    """API keys by id; an id must stay the same, because object names contain it."""

    secrets: Secrets = Secrets.as_default()
    """References to the environment variables of all sessions."""

    storage: Storage = Storage.as_default()
    """Storage of session state. Default: the platform's shared bucket."""

    settings: Settings = Settings.as_default()
    """Behaviour of sessions."""

    limits: Limits = Limits.as_default()
    """Limits of the workspace."""

    schedules: dict[Text, Schedule] = Field(default={}, json_schema_extra=SCHEDULE_IDS)
    """Scheduled sessions by id; an id must stay the same, because the CronJob's name is made of it."""

    labels: dict[Text, Text] = Field(default={}, json_schema_extra=_LABELS)
    """Further labels of the namespace, such as `{cost-center: "4711"}`; the platform's labels are reserved."""

    annotations: dict[Text, Text] = Field(default={}, json_schema_extra=_ANNOTATIONS)
    """Further annotations of the namespace; the platform's annotations are reserved."""

    pod_security: PodSecurityName | None = None
    """Pod Security level that the namespace enforces: privileged or baseline. Default: the cluster's own."""

    protect: Flag = True
    """Whether `pulumi destroy` refuses to delete the namespace. Default: true."""

    state: StateName = WorkspaceState.ACTIVE
    """active; closed: grants, keys, secrets and the bucket's credentials are removed, while owners and data stay;
    released: everything stays, but this tool no longer manages it. Default: active.
    """

    guard: Guard = NO_GUARD
    """What the cluster's guard refuses in the workspace. Default: no rule applies."""

    on_close: OnClose = OnClose.as_default()
    """What happens to running sessions when the workspace is closed."""

    adopt: Flag = False
    """Whether to adopt an existing namespace without an ownership annotation; may stay set afterwards. Default: false,
    which refuses an existing namespace.
    """

    exceptions: list[GuardrailException] = []
    """Exceptions from guardrails in this workspace, each with a reason."""

    acknowledge: list[Acknowledgement] = []
    """Acknowledged warnings about this workspace, each with a reason and a date."""

    shard: ShardNumber | None = None
    """Number of the fleet's shard for this workspace. Default: computed from its name. Ignored in a stack without
    shards.
    """

    def grants_in_force(self, now: datetime, zone: ZoneInfo) -> list[Grant]:
        return [grant for grant in self.grants if grant.span(zone).holds(now)]

    def findings(self) -> Iterator[Finding]:
        """Find what no single field shows, for files and for programs. Access and secrets have rules of their own."""
        texts = {spell("display_name"): self.display_name, "description": self.description}
        yield from below(("owners",), owner_findings(self.owners))
        yield from below(("settings",), self.settings.findings())
        yield from below(("limits",), self.limits.findings())
        yield from below(("schedules",), schedules_findings(self.schedules))
        yield from below(("guard",), self.guard.findings())
        yield from note_findings(self.labels, self.annotations)
        yield from text_findings(texts)


class Section(StrEnum):
    """A section that an included file may contain only if the including file grants it."""

    INCLUDE = "include"
    """Further files."""

    TIMEZONE = "timezone"
    """Time zone of days."""

    RUN_EVERY = "runEvery"
    """Guaranteed interval of runs."""

    EXCEPTIONS = "exceptions"
    """Exceptions from guardrails in all workspaces."""

    ACKNOWLEDGE = "acknowledge"
    """Acknowledged warnings about all workspaces."""

    GUARDRAILS = "guardrails"
    """Settings of guardrails."""

    ACCESS_TESTS = "accessTests"
    """Tests of effective access."""

    DEFAULTS = "defaults"
    """Defaults of all workspaces."""

    TEMPLATES = "templates"
    """Named defaults."""


def _section(value: object) -> object:
    if value == "workspaces":
        refuse("every included file may hold workspaces", "remove it")
    return choice(value, Section, "section that can be granted")


SectionName = Annotated[Section, BeforeValidator(_section)]
"""include, timezone, runEvery, exceptions, acknowledge, guardrails, accessTests, defaults or templates."""


class Included(Model):
    """Further files of this stack, and the sections that they may contain."""

    example: ClassVar[str] = "{path: teams/*.yaml, sections: [templates]}"

    path: FilePath
    """Path of a file, or a pattern for several, relative to this file."""

    sections: list[SectionName] = []
    """Sections that the file may contain besides `workspaces`. They affect the workspaces of all files, so grant them
    only to files that the reviewers of this one approve. Default: none.
    """


def _included(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


class StackFile(Model):
    """The declaration of one stack."""

    model_config = ConfigDict(title="Stack file")

    include: list[Annotated[Included, BeforeValidator(_included, json_schema_input_type=FilePath | Included)]] = []
    """Further files of this stack, relative to this one: a path, or a mapping with the path and the sections that the
    file may contain besides `workspaces`.
    """

    timezone: TimeZone = ZoneInfo("UTC")
    """Time zone of days, such as Europe/Berlin. Default: UTC."""

    run_every: Duration | None = None
    """Guaranteed interval of runs, such as 1d; keys with a renewal window that is too short for it are refused."""

    exceptions: list[StackException] = []
    """Exceptions from guardrails in all workspaces, each with a reason."""

    acknowledge: list[StackAcknowledgement] = []
    """Acknowledged warnings about all workspaces and the stack as a whole, each with a reason and a date."""

    guardrails: Guardrails = Guardrails.as_default()
    """Settings of guardrails."""

    access_tests: AccessTests = NO_TESTS
    """Tests of effective access."""

    stacks: list[StackName] = []
    """Stacks that run together, for example of several clusters, each with its own file; this file may contain nothing
    else.
    """

    defaults: Defaults = Defaults.as_default()
    """Defaults of all workspaces."""

    templates: dict[Text, Defaults] = {}
    """Named defaults, for workspaces that set `template`."""

    workspaces: dict[Text, Workspace] = Field(default={}, json_schema_extra=_WORKSPACE_NAMES)
    """Workspaces by name, which is also the namespace's name and cannot be changed."""

    @model_validator(mode="after")
    def _end_unreviewed(self) -> Self:
        """Let grants end after their review, if the file says so: all else takes it for their `until`."""
        if self.guardrails.reviews.on_overdue is OnOverdue.END:
            for name, workspace in self.workspaces.items():
                if workspace.state is WorkspaceState.ACTIVE:
                    grants = [grant.ending_by_review(self.timezone) for grant in workspace.grants]
                    self.workspaces[name] = workspace.model_copy(update={"grants": grants})
        return self
