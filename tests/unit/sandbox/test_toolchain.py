"""The parts of the sandbox that need neither a compiler nor a cluster."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import yaml

from sandbox.credentials import USERS, ensure_tokens, read_tokens
from sandbox.paths import PLATFORM_MANIFESTS, write_private


class TestCredentials:
    def test_tokens_are_kept_and_private(self, tmp_path: Path) -> None:
        path = tmp_path / "tokens.csv"
        first = ensure_tokens(path)
        assert ensure_tokens(path) == first == read_tokens(path)
        assert set(first) == {user.name for user in USERS}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


class TestSmallThings:
    def test_private_from_the_start(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            write_private(tmp_path / "secret", "x")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


class TestManifests:
    @pytest.fixture
    def roles(self) -> dict[str, set[tuple[str, str, str, str]]]:
        """Role to its atoms: group, resource, verb, object name."""
        text = (PLATFORM_MANIFESTS / "clusterroles.yaml").read_text(encoding="utf-8")
        return {
            role["metadata"]["name"].removeprefix("ambient-project-"): {
                (group, resource, verb, name)
                for rule in role["rules"]
                for group in rule["apiGroups"]
                for resource in rule["resources"]
                for verb in rule["verbs"]
                for name in rule.get("resourceNames", [""])
            }
            for role in yaml.safe_load_all(text)
        }

    def test_admin_can_grant_all_three_and_edit_only_itself(
        self, roles: dict[str, set[tuple[str, str, str, str]]]
    ) -> None:
        # The contract's own conclusions from the platform's roles, so a slip in ours shows here. A right to all objects
        # covers the one to a named object.
        def covers(owner: str, granted: str) -> bool:
            return all(atom in roles[owner] or (*atom[:3], "") in roles[owner] for atom in roles[granted])

        assert all(covers("admin", role) for role in roles)
        assert [role for role in roles if covers("edit", role)] == ["edit"]

    def test_platform_oddities(self, roles: dict[str, set[tuple[str, str, str, str]]]) -> None:
        assert ("", "serviceaccounts/token", "create", "") in roles["edit"]
        assert ("vteam.ambient-code", "agenticsessions", "delete", "") not in roles["edit"]
        assert {a for a in roles["edit"] if a[1] == "secrets"} == {
            ("", "secrets", "create", ""),
            ("", "secrets", "get", "ambient-runner-secrets"),
        }
