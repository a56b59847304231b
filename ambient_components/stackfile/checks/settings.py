"""Checks of the settings that need more than one value: MCP servers and feature flags."""

from collections.abc import Iterator

from ambient_components.rules.findings import Finding, Path, below
from ambient_components.rules.settings import setting_findings
from ambient_components.stackfile.models.stack import Check, Workspace


def check_settings(path: Path, _name: str, workspace: Workspace) -> Iterator[Finding]:
    """Find what is wrong with MCP servers and feature flags."""
    declared = workspace.settings.model_dump(
        mode="json", by_alias=True, exclude_unset=True, include={"mcp_servers", "feature_flags"}
    )
    yield from below((*path, "settings"), setting_findings(declared))


SETTING_CHECKS: tuple[Check, ...] = (check_settings,)
"""All checks of settings."""
