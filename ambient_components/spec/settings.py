"""Session settings of a workspace: idle timeout, MCP servers, feature flags, trusted certificates."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictStr, model_validator
from pydantic.config import JsonDict

from ambient_components.durations import YEAR, format_seconds, parse_duration
from ambient_components.spec.base import Model, choice, is_scalar, refuse, text_schema, type_name
from ambient_components.spec.types import DURATION_PATTERN, FilePath, Flag, Text
from ambient_components.suggest import did_you_mean

IDLE_TIMEOUT_MAX: Final = 68 * YEAR
"""Maximum seconds: the most whole years in 32 bits. The CRD accepts any number; for more, `never` is meant."""

NEVER: Final = "never"
"""Idle timeout of 0 seconds: sessions are not stopped. Contract 4."""

FLAG_PATTERN: Final = r"[-._a-zA-Z0-9]{1,253}"
"""Names of feature flags: keys of a ConfigMap."""

SERVER_NAME_PATTERN: Final = r"[A-Za-z0-9]([_-]?[A-Za-z0-9])*"
"""Names of MCP servers. Agents see a server's tools as `mcp__SERVER__TOOL`, in the characters that models allow for
tool names; two underscores in a row would end the server's name early.
"""

SERVER_NAME_MAX: Final = 50
"""Maximum characters of an MCP server's name: models allow 64 for the complete name of a tool."""

_SERVER_NAMES: JsonDict = {"propertyNames": {"pattern": f"^{SERVER_NAME_PATTERN}$", "maxLength": SERVER_NAME_MAX}}
_IDLE_FORMS = (
    f"allowed: never, or durations up to {format_seconds(IDLE_TIMEOUT_MAX)}, a whole number and a unit of "
    "s, m, h, d or y (365 days), such as 12h"
)


class McpType(StrEnum):
    """Transport of an MCP server. Contract 7."""

    HTTP = "http"
    """Streamable HTTP."""

    SSE = "sse"
    """HTTP with server-sent events, the older transport."""

    STDIO = "stdio"
    """A program in the session's container."""


def _idle_timeout(value: object) -> int:
    if value == NEVER:
        return 0
    if not is_scalar(value):
        refuse(f"is {type_name(value)}", _IDLE_FORMS)
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        meant = "did you mean 'never'?" if str(value).strip("shmdy") == "0" else did_you_mean(str(value), [NEVER])
        refuse(str(error).rpartition("; allowed: ")[0], f"{_IDLE_FORMS}; {meant}".removesuffix("; "))
    if seconds > IDLE_TIMEOUT_MAX:
        refuse(f"{value} is too long", _IDLE_FORMS)
    return seconds


def _mcp_type(value: object) -> object:
    return choice(value, McpType, "type of MCP server")


def _url(value: str) -> str:
    # Never quoted, because a URL may contain a password or a key.
    try:
        address = urlsplit(value)
        sound = address.scheme in ("http", "https") and bool(address.hostname) and value.isprintable()
    except ValueError:
        sound = False
    if not sound or " " in value:
        refuse("is not an address of the web", "allowed: http://… or https://…")
    return value


def _filled(value: str) -> str:
    if not value.strip():
        refuse("is empty", "allowed: text")
    return value


IdleTimeout = Annotated[
    int, BeforeValidator(_idle_timeout), text_schema("duration or never", f"{NEVER}|{DURATION_PATTERN}", minLength=2)
]
"""A duration, converted to seconds; never becomes 0."""

McpTypeName = Annotated[McpType, BeforeValidator(_mcp_type)]
"""http, sse or stdio."""

Url = Annotated[StrictStr, AfterValidator(_url), text_schema("address", "https?://[^ /][^ ]*")]
"""A web address."""

Command = Annotated[StrictStr, AfterValidator(_filled), Field(min_length=1)]
"""A program."""


class McpServer(Model):
    """An MCP server for all sessions: either a web server, by `url`, or a program in the session, by `command`.

    Texts may contain `${NAME}` and `${NAME:-default}`; the runner replaces them with the session's variables, so that
    secrets stay under `secrets.integrations`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"title": "on the web", "required": ["url"]}, {"title": "a program", "required": ["command"]}],
            "dependentRequired": {"headers": ["url"], "args": ["command"], "env": ["command"]},
        }
    )

    type: McpTypeName | None = None
    """http or sse with `url`, stdio with `command`. Default: http or stdio."""

    url: Url | None = None
    """Address of the server, http or https."""

    headers: dict[Text, Text] = {}
    """HTTP headers for `url`, such as `{Authorization: "Bearer ${SEARCH_TOKEN}"}`."""

    command: Command | None = None
    """Program in the runner's image, such as uvx."""

    args: list[Text] = []
    """Arguments of `command`."""

    env: dict[Text, Text] = {}
    """Environment variables of `command`."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = self.given("url", "command")
        if len(given) != 1:
            problem = "has a url and a command" if given else "has neither a url nor a command"
            refuse(problem, "allowed: exactly one of them, as {url: https://…} or {command: PROGRAM}")
        if (self.transport is McpType.STDIO) != (self.url is None):
            refuse(
                f"is of type {self.transport} and has a {given[0]}", "allowed: url with http or sse, command with stdio"
            )
        foreign = ("args", "env") if self.url is not None else ("headers",)
        misplaced = [field for field in foreign if field in self.model_fields_set]
        if misplaced:
            problem = f"has a {given[0]} and {' and '.join(misplaced)}"
            refuse(problem, "allowed: headers with url, args and env with command")
        return self

    @property
    def transport(self) -> McpType:
        """The type, or the default for the given fields."""
        return self.type or (McpType.STDIO if self.url is None else McpType.HTTP)

    def as_platform(self) -> dict[str, Any]:
        """Return the entry for `spec.mcpServers.custom` of ProjectSettings: the type, and only the given fields."""
        fields = {
            "url": self.url,
            "headers": self.headers,
            "command": self.command,
            "args": self.args,
            "env": self.env,
        }
        return {"type": self.transport.value, **{name: value for name, value in fields.items() if value}}


class McpServers(Model):
    """MCP servers of sessions, in addition to those in the runner's image."""

    private: ClassVar[bool] = True

    custom: dict[Text, McpServer] = Field(default={}, json_schema_extra=_SERVER_NAMES)
    """Further servers by name; a server with the name of a shipped one replaces it."""

    disabled: list[Text] = []
    """Names of servers to disable in all sessions. The image ships context7, deepwiki and webfetch."""


class CaBundle(Model):
    """Certificates that sessions trust, instead of the image's own."""

    file: FilePath
    """Path of a file of PEM certificates, relative to this file. Include the public certificates that sessions need."""


class Settings(Model):
    """Session settings of a workspace."""

    idle_timeout: IdleTimeout | None = Field(default=None, examples=["12h", "never"])
    """Time without activity after which a session is stopped, such as 12h; `never` for no limit. Default: the
    platform's 24h.
    """

    mcp_servers: McpServers | None = None
    """MCP servers of all sessions. Default: managed in the platform's UI."""

    feature_flags: dict[Text, Flag] = Field(
        default={}, json_schema_extra={"propertyNames": {"pattern": f"^{FLAG_PATTERN}$"}}
    )
    """Overrides of the platform's feature flags, such as `{jira-write: true}`; other flags are not changed."""

    ca_bundle: CaBundle | None = None
    """Certificates that sessions trust."""
