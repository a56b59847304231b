"""The parts of the sandbox that need neither a compiler nor a cluster."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sandbox.credentials import USERS, ensure_tokens, read_tokens
from sandbox.paths import write_private


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
