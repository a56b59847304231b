"""Settings of a workspace: its idle timeout, MCP servers and feature flags. Values of MCP servers are never quoted."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

from ambient_components.errors import hints_of
from ambient_components.platform.contract import (
    GLOBAL_FLAGS,
    MODEL_FLAG_PATTERN,
    RUNNER_MCP_SERVERS,
    SHIPPED_MCP_SERVERS,
    WORKSPACE_FLAGS,
)
from ambient_components.rules.durations import YEAR
from ambient_components.rules.findings import (
    Finding,
    Verdict,
    below,
    verdict_finding,
)
from ambient_components.rules.secret_patterns import is_literal, looks_like_credential, says_secret
from ambient_components.rules.warnings import WarningRule
from ambient_components.suggest import did_you_mean


class McpType(StrEnum):
    """How an agent talks to an MCP server. Contract 7."""

    HTTP = "http"
    """Over streamable HTTP."""

    SSE = "sse"
    """Over HTTP with server-sent events, the older way."""

    STDIO = "stdio"
    """A program in the session's container."""


IDLE_TIMEOUT_MAX: Final = 68 * YEAR
"""Seconds; the most whole years in 32 bits. The CRD takes any number, and for more there is 0, never."""

FLAG_PATTERN: Final = r"[-._a-zA-Z0-9]{1,253}"
"""Names of feature flags: they are keys of a ConfigMap."""

SERVER_NAME_PATTERN: Final = r"[A-Za-z0-9]([_-]?[A-Za-z0-9])*"
"""Names of MCP servers. An agent knows a server's tools as `mcp__SERVER__TOOL`, in the letters that models allow for
the names of tools; two underscores in a row would end the name early."""

SERVER_NAME_MAX: Final = 50
"""Characters of an MCP server's name: models allow 64 for a tool's whole name, and the tool needs some."""

_Place = TypeVar("_Place", str, int)
_SEPARATOR = re.compile(r"[=:]")
_NEXT_VALUE = re.compile(r"[&,]")
_INSTEAD = ("write ${NAME} and put NAME under secrets.integrations", "revoke it if it was committed")


def mcp_findings(servers: Mapping[str, Any]) -> Iterator[Finding]:
    """Find names that agents can't say, and credentials in what every user with access to the workspace reads.

    Contract 4, 7: ProjectSettings is readable with the role view.
    """
    custom = servers.get("custom") or {}
    for name, server in custom.items():
        here = ("custom", name)
        if len(name) > SERVER_NAME_MAX or not re.fullmatch(SERVER_NAME_PATTERN, name):
            remedy = f"allowed: 1-{SERVER_NAME_MAX} of A-Z a-z 0-9, and single - or _ between them"
            yield Finding(here, f"{name!r} can't name an MCP server", remedy, at_key=True)
        elif name in RUNNER_MCP_SERVERS:
            problem = f"{name!r} is a server of the runner itself, which takes the place of this one"
            remedy = "choose another name"
            yield Finding(here, problem, remedy, at_key=True, rule=WarningRule.RUNNER_MCP_SERVER)
        yield from below(here, server_findings(server))
    for index, name in enumerate(servers.get("disabled") or ()):
        spot = ("disabled", index)
        if name in custom:
            yield Finding(
                spot,
                f"{name!r} is a custom server too",
                "remove one of the two",
                ("custom", name),
                rule=WarningRule.DISABLED_CUSTOM_SERVER,
            )
        elif name not in SHIPPED_MCP_SERVERS:
            known = f"the image ships {', '.join(SHIPPED_MCP_SERVERS)}"
            suggestion = did_you_mean(name, [*SHIPPED_MCP_SERVERS, *custom])
            problem, remedies = f"{name!r} is no server of this workspace", hints_of(known, suggestion)
            yield Finding(spot, problem, remedies, rule=WarningRule.UNKNOWN_MCP_SERVER)


def server_findings(server: Mapping[str, Any]) -> Iterator[Finding]:
    """Find what is wrong with the texts of one MCP server, by its fields as the runner reads them."""
    url, command = server.get("url"), server.get("command")
    if isinstance(url, str):
        if verdict := address_problem(url):
            yield Finding(("url",), *verdict)
        elif address_leaks(url):
            yield Finding(("url",), "has a credential in it", _INSTEAD)
    if isinstance(command, str):
        yield from verdict_finding(("command",), command_problem(command))
        if looks_like_credential(command):
            yield Finding(("command",), "looks like a credential", _INSTEAD)
    for field in ("headers", "env"):
        for name, text in _texts(server.get(field) or {}):
            if looks_like_credential(text) or (says_secret(name) and is_literal(text)):
                yield Finding((field, name), "looks like a credential", _INSTEAD)
    arguments = dict(_texts(dict(enumerate(server.get("args") or ()))))
    for index, text in arguments.items():
        if looks_like_credential(text) or _names_secret(text) or _is_secret_of(arguments.get(index - 1, ""), text):
            yield Finding(("args", index), "looks like a credential", _INSTEAD)


def address_problem(url: str) -> Verdict:
    """Say why this is no address of the web, or None; as problem and remedy.

    It is not quoted: an address may hold a password or a key.
    """
    try:
        address = urlsplit(url)
        sound = address.scheme in ("http", "https") and bool(address.hostname) and url.isprintable()
    except ValueError:
        sound = False
    return None if sound and " " not in url else ("is not an address of the web", "allowed: http://… or https://…")


def command_problem(command: str) -> Verdict:
    return None if command.strip() else ("is empty", "allowed: text")


def flag_findings(flags: Mapping[str, Any]) -> Iterator[Finding]:
    """Find flags that cannot be keys of a ConfigMap.

    Also warn about those that the platform doesn't ship, which may still be in its Unleash, and about those of which
    it ignores the override. Contract 7.
    """
    for flag in flags:
        if not re.fullmatch(FLAG_PATTERN, flag):
            remedy = "allowed: 1-253 of A-Z a-z 0-9 . _ -"
            yield Finding((flag,), f"{flag!r} can't be the name of a feature flag", remedy, at_key=True)
        elif flag in GLOBAL_FLAGS:
            problem = f"{flag!r} is switched for the whole platform: the value of a workspace changes no session"
            remedy = "remove it, and ask the platform's administrator to switch it in Unleash"
            yield Finding((flag,), problem, remedy, at_key=True, rule=WarningRule.GLOBAL_FEATURE_FLAG)
        elif flag not in WORKSPACE_FLAGS and not re.fullmatch(MODEL_FLAG_PATTERN, flag):
            useful = [known for known in WORKSPACE_FLAGS if known not in GLOBAL_FLAGS]
            known = f"known: {', '.join(useful)}, model.ID.enabled"
            suggestion = did_you_mean(flag, useful)
            problem = f"{flag!r} is no flag that the platform ships for workspaces"
            rule, remedies = WarningRule.UNKNOWN_FEATURE_FLAG, hints_of(known, suggestion)
            yield Finding((flag,), problem, remedies, at_key=True, rule=rule)


def _texts(given: Mapping[_Place, Any]) -> Iterator[tuple[_Place, str]]:
    """Yield what is known by now: a program may have values that come of a run."""
    yield from ((place, value) for place, value in given.items() if isinstance(value, str))


def address_leaks(url: str) -> bool:
    """Return whether a valid address has a credential in it."""
    parameters = parse_qsl(urlsplit(url).query)
    return looks_like_credential(url) or any(says_secret(name) and is_literal(text) for name, text in parameters)


def _names_secret(argument: str) -> bool:
    """Tell whether an argument has a secret with its name: `--token=x`, `Authorization: Bearer x`, `url?key=x`."""
    for separator in _SEPARATOR.finditer(argument):
        value = _NEXT_VALUE.split(argument[separator.end() :], maxsplit=1)[0]
        if says_secret(argument[: separator.start()]) and is_literal(value):
            return True
    return False


def _is_secret_of(option: str, argument: str) -> bool:
    """Tell whether an argument is the literal value of the option before it, as in `--api-key x`."""
    is_option = option.startswith("-") and _SEPARATOR.search(option) is None and says_secret(option)
    return is_option and not argument.startswith("-") and is_literal(argument)
