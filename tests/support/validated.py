"""Files for `ambient validate`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ambient_components.cli.validate.validation import Validation
from ambient_components.errors import Problem, Where

WARNING = Problem(Where("stacks/b.yaml", 2, 1), "defaults", "is odd", warning=True)
Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write files into a project; `__` in a name is a folder."""
    monkeypatch.chdir(tmp_path)

    def write_files(**files: str) -> None:
        for name, text in {"Pulumi": "name: p\nruntime: python\n", **files}.items():
            path = tmp_path / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write_files


def result(*problems: Problem) -> Validation:
    return Validation(problems, workspaces=3, files=2)


CONFIG = "name: p\nruntime: python\nstackConfigDir: stacks\n"
