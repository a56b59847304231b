"""Checks that depend on how the platform is installed, which the stack's config tells.

All of them are warnings: the config can change without a change of the files.
"""

from collections.abc import Iterator

from ambient_components.model.stack import StackFile
from ambient_components.platform.contract import V2_MCP_SERVERS
from ambient_components.platform.subjects import without_login_prefix
from ambient_components.rules.findings import Finding
from ambient_components.rules.warnings import WarningRule
from ambient_components.rules.workspaces import WorkspaceState
from ambient_components.stackfile.checks.access import named_subjects


def check_installation(stack: StackFile, *, sso: bool, api_server: bool) -> Iterator[Finding]:
    """Warn about declarations without effect on this installation."""
    if sso:
        yield from prefixed_names(stack)
    if api_server:
        yield from replaced_servers(stack)


def prefixed_names(stack: StackFile) -> Iterator[Finding]:
    """Warn about subjects that a login by single sign-on hardly matches. Contract 2.

    The platform then knows users and groups by the bare values of their token, and the cluster by names with the prefix
    of its own OIDC settings. Such a grant still counts for kubectl.
    """
    for name, workspace in sorted(stack.workspaces.items()):
        if workspace.state is not WorkspaceState.ACTIVE:
            continue
        for path, subject in named_subjects(("workspaces", name), workspace):
            if (bare := without_login_prefix(subject)) is not None:
                yield Finding(
                    path,
                    f"{str(subject)!r} looks like a name with the prefix of the cluster's login, and the platform "
                    "knows subjects by the names in their token: its UI and API may give this one no access",
                    (
                        f"write {f'{subject.kind}:{bare}'!r}, if that is the name in the token",
                        "acknowledge the warning, if the token has this name, or if the subject uses kubectl alone",
                    ),
                    rule=WarningRule.PREFIXED_NAME,
                )


def replaced_servers(stack: StackFile) -> Iterator[Finding]:
    """Warn about MCP servers of which the runner of V2 has its own, where credentials are bound. Contract 7."""
    for name, workspace in sorted(stack.workspaces.items()):
        servers = workspace.settings.mcp_servers
        if workspace.state is not WorkspaceState.ACTIVE or servers is None:
            continue
        for server in sorted(servers.custom.keys() & {*V2_MCP_SERVERS}):
            yield Finding(
                ("workspaces", name, "settings", "mcpServers", "custom", server),
                f"{server!r} is a server of the runner itself in sessions of the API server (V2), which takes the "
                "place of this one there",
                "choose another name",
                at_key=True,
                rule=WarningRule.RUNNER_MCP_SERVER,
            )
