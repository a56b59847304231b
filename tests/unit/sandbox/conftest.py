"""No test downloads from a publisher, whatever the developer's settings are."""

from pathlib import Path

import pytest

from sandbox import releases


@pytest.fixture(autouse=True)
def _no_releases(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    empty: Path = tmp_path_factory.mktemp("releases") / "releases.toml"
    empty.write_text("release = []\n", encoding="utf-8")
    monkeypatch.setattr(releases, "RELEASES_FILE", empty)
    for name in ("AMBIENT_MIRROR", "AMBIENT_OFFLINE", "AMBIENT_BUILD"):
        monkeypatch.delenv(name, raising=False)
