"""Checks of settings: MCP servers and feature flags. Values of MCP servers are never quoted."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

from ambient_components.contract import (
    MODEL_FLAG_PATTERN,
    RUNNER_MCP_SERVERS,
    SHIPPED_MCP_SERVERS,
    WORKSPACE_FLAGS,
)
from ambient_components.credentials import looks_like_credential, says_secret
from ambient_components.rules.findings import Finding, Path
from ambient_components.spec.models import Check, Workspace
from ambient_components.spec.settings import FLAG_PATTERN, SERVER_NAME_MAX, SERVER_NAME_PATTERN, McpServer
from ambient_components.suggest import did_you_mean

_REFERENCE = re.compile(r"\$\{[^}:]+\}")
_SCHEME = re.compile(r"(?:Bearer|Basic|Token|ApiKey)\s+", re.IGNORECASE)
_INSTEAD = "write ${NAME} and put NAME under secrets.integrations; revoke it if it was committed"


def check_mcp_servers(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """Find invalid names of MCP servers, and credentials in their settings.

    Contract 4, 7: ProjectSettings is readable with the role view.
    """
    servers = workspace.settings.mcp_servers
    if servers is None:
        return
    here = (*path, "settings", "mcpServers")
    for name, server in servers.custom.items():
        there = (*here, "custom", name)
        if len(name) > SERVER_NAME_MAX or not re.fullmatch(SERVER_NAME_PATTERN, name):
            remedy = f"allowed: 1-{SERVER_NAME_MAX} of A-Z a-z 0-9, and single - or _ between them"
            yield Finding(there, f"{name!r} can't name an MCP server", remedy, at_key=True)
        elif name in RUNNER_MCP_SERVERS:
            problem = f"{name!r} is a server of the runner itself, which takes the place of this one"
            yield Finding(there, problem, "choose another name", at_key=True, warning=True)
        yield from _leaks(there, server)
    for index, name in enumerate(servers.disabled):
        spot = (*here, "disabled", index)
        if name in servers.custom:
            remedy = "remove one of the two"
            yield Finding(spot, f"{name!r} is a custom server too", remedy, (*here, "custom", name), warning=True)
        elif name not in SHIPPED_MCP_SERVERS:
            known = f"the image ships {', '.join(SHIPPED_MCP_SERVERS)}"
            suggestion = did_you_mean(name, [*SHIPPED_MCP_SERVERS, *servers.custom])
            remedy = f"{known}; {suggestion}" if suggestion else known
            yield Finding(spot, f"{name!r} is no server of this workspace", remedy, warning=True)


def _leaks(path: Path, server: McpServer) -> Iterator[Finding]:
    """Find texts that look like credentials, by their shape or by their name."""
    for field, texts in (("headers", server.headers), ("env", server.env)):
        for name, text in texts.items():
            if looks_like_credential(text) or (says_secret(name) and _is_literal(text)):
                yield Finding((*path, field, name), "looks like a credential", _INSTEAD)
    for index, text in enumerate(server.args):
        option, equals, value = text.partition("=")
        if looks_like_credential(text) or (equals and says_secret(option) and _is_literal(value)):
            yield Finding((*path, "args", index), "looks like a credential", _INSTEAD)
    if server.url is not None and _url_leaks(server.url):
        yield Finding((*path, "url"), "has a credential in it", _INSTEAD)


def _url_leaks(url: str) -> bool:
    parameters = parse_qsl(urlsplit(url).query)
    return looks_like_credential(url) or any(says_secret(name) and _is_literal(text) for name, text in parameters)


def _is_literal(text: str) -> bool:
    """Return whether a text contains more than references and an authentication scheme."""
    return bool(_SCHEME.sub("", _REFERENCE.sub("", text) + " ", count=1).strip())


def check_feature_flags(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """Check feature flags (keys of a ConfigMap); the platform's Unleash may have unknown ones. Contract 7."""
    here = (*path, "settings", "featureFlags")
    for flag in workspace.settings.feature_flags:
        if not re.fullmatch(FLAG_PATTERN, flag):
            remedy = "allowed: 1-253 of A-Z a-z 0-9 . _ -"
            yield Finding((*here, flag), f"{flag!r} can't be the name of a feature flag", remedy, at_key=True)
        elif flag not in WORKSPACE_FLAGS and not re.fullmatch(MODEL_FLAG_PATTERN, flag):
            known = f"known: {', '.join(WORKSPACE_FLAGS)}, model.ID.enabled"
            suggestion = did_you_mean(flag, WORKSPACE_FLAGS)
            remedy = f"{known}; {suggestion}" if suggestion else known
            problem = f"{flag!r} is no flag that the platform ships for workspaces"
            yield Finding((*here, flag), problem, remedy, at_key=True, warning=True)


SETTING_CHECKS: tuple[Check, ...] = (check_mcp_servers, check_feature_flags)
"""All checks of settings."""
