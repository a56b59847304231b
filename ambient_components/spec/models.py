"""The stack file as frozen models; the text after each field is also its documentation in the JSON Schema."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from ambient_components.contract import (
    DISPLAY_NAME_MAX,
    KEY_DESCRIPTION_MAX,
    KEY_NAME_MAX,
    TOKEN_LIFETIME_DEFAULT,
    WORKSPACE_DESCRIPTION_MAX,
    Role,
)
from ambient_components.spec.types import (
    ConfigKey,
    Flag,
    Generation,
    Lifetime,
    RoleName,
    StateName,
    SubjectName,
    SubjectText,
    Text,
    WorkspaceState,
    refuse,
)
from ambient_components.subjects import Subject, SubjectKind


class Model(BaseModel):
    """Base of all models: nothing unknown, nothing mutable, and never an input in an error's text."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        alias_generator=to_camel,
        populate_by_name=False,
        use_attribute_docstrings=True,
    )


class Grant(Model):
    """Access of one user or one group to the workspace, listed and revocable on its Sharing page."""

    user: SubjectName | None = None
    """Name of a user, exactly as the cluster authenticates it. Either this or `group`."""

    group: SubjectName | None = None
    """Name of a group, exactly as the cluster knows it. Either this or `user`."""

    role: RoleName = Role.VIEW
    """view, edit or admin; view, as in the platform's UI, if left out."""

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


class Key(Model):
    """An API key: an identity of its own in the workspace, with a token that expires."""

    name: Text = Field(default="", max_length=KEY_NAME_MAX)
    """Label on the workspace's Keys page; the key's id if left out."""

    description: Text = Field(default="", max_length=KEY_DESCRIPTION_MAX)
    """What the key is for, shown on the Keys page."""

    role: RoleName = Role.EDIT
    """view, edit or admin; edit, as in the platform's UI, if left out."""

    lifetime: Lifetime = TOKEN_LIFETIME_DEFAULT
    """How long a token is valid, from 10m to 1y; 90d if left out."""

    generation: Generation = 1
    """Number of the key's identity; a new number makes a new ServiceAccount and a new token. 1 if left out."""

    def label(self, key_id: str) -> str:
        """Return what the Keys page shows: the name, or the id where there is none."""
        return self.name or key_id


class ConfigRef(Model):
    """A reference to a value in the stack's encrypted Pulumi config."""

    config: ConfigKey
    """Name of the value, such as payments/anthropic; set it with `pulumi config set --secret`."""

    @model_validator(mode="before")
    @classmethod
    def _no_plain_value(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            problem = "is empty" if value is None else "is a plain value, and secrets don't belong in this file"
            refuse(problem, "")  # `spec.messages` says what to do: it knows for which workspace and variable
        return value


class Secrets(Model):
    """Secrets of a workspace, by reference."""

    runner: dict[Text, ConfigRef] = {}
    """Keys of language models for every session: ANTHROPIC_API_KEY, GOOGLE_API_KEY, GEMINI_API_KEY."""


class Workspace(Model):
    """One workspace: a namespace of the platform, who may use it, and its keys and secrets."""

    display_name: Text = Field(default="", max_length=DISPLAY_NAME_MAX)
    """Name in the UI, on OpenShift only; the workspace's own name if left out."""

    description: Text = Field(default="", max_length=WORKSPACE_DESCRIPTION_MAX)
    """What the workspace is for, shown on OpenShift only."""

    owners: list[SubjectText] = []
    """Admins that the Sharing page neither lists nor revokes: user:NAME, group:NAME, serviceaccount:NAMESPACE:NAME."""

    grants: list[Grant] = []
    """Who may use the workspace; at most one grant a subject."""

    keys: dict[Text, Key] = {}
    """API keys by id; an id is stable, since objects are named after it."""

    secrets: Secrets = Secrets()
    """Secrets of the workspace, by reference."""

    protect: Flag = True
    """Whether `pulumi destroy` refuses to delete the namespace; true if left out."""

    state: StateName = WorkspaceState.ACTIVE
    """active, or closed: grants, keys and secrets end, while owners and data stay. active if left out."""


class StackFile(Model):
    """Everything that one stack should hold."""

    workspaces: dict[Text, Workspace]
    """Workspaces by name, which is the namespace's name and can't be changed."""
