"""Models of session settings: idle timeout, MCP servers, certificates, and sessions of a closed workspace."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BeforeValidator, ConfigDict, Field, StrictStr, model_validator
from pydantic.config import JsonDict

from ambient_components.model.base import Model, checked, one_of, refuse, text_schema
from ambient_components.model.forms import IDLE_TIMEOUT, OF_PLATFORM, SECONDS
from ambient_components.model.marks import OUTPUT, sent
from ambient_components.model.messages import spelled
from ambient_components.model.types import DURATION_PATTERN, FilePath, Flag, Text, as_text, read_duration
from ambient_components.rules.durations import format_seconds
from ambient_components.rules.findings import Finding, below
from ambient_components.rules.settings import (
    FLAG_PATTERN,
    IDLE_TIMEOUT_MAX,
    SERVER_NAME_MAX,
    SERVER_NAME_PATTERN,
    McpType,
    address_problem,
    command_problem,
    flag_findings,
    mcp_findings,
)
from ambient_components.rules.workspaces import WAIT_DEFAULT, WAIT_MAX, SessionsOnClose

_WAITS = f"allowed: durations up to {format_seconds(WAIT_MAX)}, a whole number and a unit of s, m or h, such as 30s"

NEVER: Final = "never"
"""Idle timeout of 0 seconds: sessions are not stopped. Contract 4."""

_SERVER_NAMES: JsonDict = {"propertyNames": {"pattern": f"^{SERVER_NAME_PATTERN}$", "maxLength": SERVER_NAME_MAX}}
_IDLE_FORMS = (
    f"allowed: never, or durations up to {format_seconds(IDLE_TIMEOUT_MAX)}, a whole number and a unit of "
    "s, m, h, d or y (365 days), such as 12h"
)


def _wait(value: object) -> int:
    value = as_text(value)
    seconds = read_duration(value, _WAITS)
    if seconds > WAIT_MAX:
        refuse(f"{value} is too long", _WAITS)
    return seconds


SessionsName = Annotated[SessionsOnClose, one_of(SessionsOnClose, "way to end sessions")]
"""stop or deletePods."""

Wait = Annotated[int, BeforeValidator(_wait), SECONDS, text_schema("duration", DURATION_PATTERN, minLength=2)]
"""A duration, converted to seconds."""


class OnClose(Model):
    """How the sessions of a workspace end when it is closed, and how long that may take."""

    example: ClassVar[str] = "{sessions: deletePods}"

    sessions: Annotated[SessionsName, sent("closure")] = SessionsOnClose.STOP
    """stop: the platform stops them, and those that do not stop in time are reported; deletePods: their pods are then
    deleted. Default: stop.
    """

    wait: Annotated[Wait, sent("closure")] = WAIT_DEFAULT
    """Time for sessions to stop. Default: 2m."""


def _idle_timeout(value: object) -> int:
    value = as_text(value)
    seconds = read_duration(value, _IDLE_FORMS, {NEVER: 0})
    if seconds > IDLE_TIMEOUT_MAX:
        refuse(f"{value} is too long", _IDLE_FORMS)
    return seconds


IdleTimeout = Annotated[
    int, BeforeValidator(_idle_timeout), text_schema("duration or never", f"{NEVER}|{DURATION_PATTERN}", minLength=2)
]
"""A duration, converted to seconds; never becomes 0."""

McpTypeName = Annotated[McpType, one_of(McpType, "type of MCP server")]
"""http, sse or stdio."""

Url = Annotated[StrictStr, checked(address_problem), text_schema("address", "https?://[^ /][^ ]*")]
"""A web address."""

Command = Annotated[StrictStr, checked(command_problem), Field(min_length=1)]
"""A program."""


class McpServer(Model):
    """An MCP server for all sessions: either a web server, by `url`, or a program in the session, by `command`.

    Texts may contain `${NAME}` and `${NAME:-default}`; the runner replaces them with the session's variables, so that
    secrets stay under `secrets.integrations`.
    """

    example: ClassVar[str] = "{url: https://…}"
    other_example: ClassVar[str] = "{command: PROGRAM}"
    example_by_name: ClassVar[str] = "{NAME: {url: https://…}}"

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"title": "on the web", "required": ["url"]}, {"title": "a program", "required": ["command"]}],
            "dependentRequired": {"headers": ["url"], "args": ["command"], "env": ["command"]},
        }
    )

    type: McpTypeName | None = None
    """http or sse with `url`, stdio with `command`. Default: http or stdio."""

    url: Annotated[Url | None, OUTPUT] = None
    """Address of the server, http or https."""

    headers: dict[Text, Annotated[Text, OUTPUT]] = {}
    """HTTP headers for `url`, such as `{Authorization: "Bearer ${SEARCH_TOKEN}"}`."""

    command: Annotated[Command | None, OUTPUT] = None
    """Program in the runner's image, such as uvx."""

    args: list[Annotated[Text, OUTPUT]] = []
    """Arguments of `command`."""

    env: dict[Text, Annotated[Text, OUTPUT]] = {}
    """Environment variables of `command`."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = self.given("url", "command")
        if len(given) != 1:
            problem = "has a url and a command" if given else "has neither a url nor a command"
            refuse(problem, "allowed: exactly one of them, as {url: https://…} or {command: PROGRAM}")
        by_url = given == ("url",)
        if self.type is not None and (self.type is McpType.STDIO) == by_url:
            problem = f"is of type {self.type} and has a {given[0]}"
            refuse(problem, "allowed: url with http or sse, command with stdio")
        others = ("args", "env") if by_url else ("headers",)
        if misplaced := [field for field in others if field in self.model_fields_set]:
            problem = f"has a {given[0]} and {' and '.join(misplaced)}"
            refuse(problem, "allowed: headers with url, args and env with command")
        return self

    @property
    def transport(self) -> McpType:
        """The type, or the default for the given fields."""
        return self.type or (McpType.STDIO if self.url is None else McpType.HTTP)

    def as_platform(self) -> dict[str, Any]:
        """Return the entry for `spec.mcpServers.custom` of ProjectSettings: the type, and only the given fields."""
        given = self.model_dump(exclude_defaults=True, exclude={"type"}, warnings=False)
        return {"type": self.transport.value, **given}


class McpServers(Model):
    """MCP servers of sessions, in addition to those in the runner's image."""

    private: ClassVar[bool] = True

    custom: dict[Text, McpServer] = Field(default={}, json_schema_extra=_SERVER_NAMES)
    """Further servers by name; a server with the name of a shipped one replaces it."""

    disabled: list[Text] = []
    """Names of servers to disable in all sessions. The image ships context7, deepwiki and webfetch."""

    def as_platform(self) -> dict[str, Any]:
        """Return `spec.mcpServers` of ProjectSettings."""
        servers = {
            "custom": {name: server.as_platform() for name, server in sorted(self.custom.items())},
            "disabled": sorted(self.disabled),
        }
        return {name: value for name, value in servers.items() if value}


class CaBundle(Model):
    """Certificates that sessions trust, instead of the image's own."""

    example: ClassVar[str] = "{file: PATH}"

    file: FilePath
    """Path of a file of PEM certificates, relative to this file. Include the public certificates that sessions need."""


class Settings(Model):
    """Session settings of a workspace."""

    idle_timeout: Annotated[IdleTimeout | None, sent("object", form=IDLE_TIMEOUT)] = Field(
        default=None, examples=["12h", "never"]
    )
    """Time without activity after which a session is stopped, such as 12h; `never` for no limit. Default: the
    platform's 24h.
    """

    mcp_servers: Annotated[McpServers | None, sent("object", form=OF_PLATFORM)] = None
    """MCP servers of all sessions. Default: managed in the platform's UI."""

    feature_flags: dict[Text, Flag] = Field(
        default={}, json_schema_extra={"propertyNames": {"pattern": f"^{FLAG_PATTERN}$"}}
    )
    """Overrides of the platform's feature flags, such as `{jira-write: true}`; other flags are not changed."""

    ca_bundle: CaBundle | None = None
    """Certificates that sessions trust."""

    def findings(self) -> Iterator[Finding]:
        """Find what is wrong with MCP servers and feature flags."""
        servers = self.model_dump(by_alias=True, exclude_unset=True, include={"mcp_servers"}, warnings=False)
        yield from spelled(below(("mcpServers",), mcp_findings(servers.get("mcpServers") or {})), type(self))
        yield from spelled(below(("featureFlags",), flag_findings(self.feature_flags)), type(self))
