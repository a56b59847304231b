"""Pulumi.yaml and the config files of stacks: their paths and values. Encrypted values stay encrypted."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import yaml

from ambient_components.errors import Where, fail

PROJECT_FILE: Final = "Pulumi.yaml"


@dataclass(frozen=True)
class ConfigFiles:
    folder: Path
    name: str
    config_folder: str
    """`stackConfigDir` of Pulumi.yaml, relative to the folder."""

    @classmethod
    def of(cls, folder: Path) -> Self:
        path, settings = folder / PROJECT_FILE, project_settings(folder)
        name, old = settings.get("name"), settings.get("config")
        if not isinstance(name, str):
            fail(Where(str(path)), "name", "the project has no name", "add: name: my-project")
        # The engine also accepts the former spelling, `config: FOLDER`.
        return cls(folder, name, str(settings.get("stackConfigDir") or (isinstance(old, str) and old) or "."))

    def path(self, stack: str) -> Path:
        """Return the path of a stack's config file, as the engine chooses it without `--config-file`."""
        return self.folder / self.config_folder / f"Pulumi.{stack}.yaml"

    def read(self, path: Path) -> Mapping[str, Any]:
        """An empty file is an empty mapping."""
        return _read(path, self.shown(path))

    def values(self, path: Path, namespace: str = "") -> Mapping[str, Any]:
        """Return the values of a config file in a namespace, by default the project's."""
        entries = self.read(path).get("config") or {}
        if not isinstance(entries, Mapping):
            fail(Where(self.shown(path)), "config", "is no mapping", "fix it, or restore it from Git")
        prefix = f"{namespace or self.name}:"
        # A key without a namespace belongs to the project.
        whole = {str(key) if ":" in str(key) else f"{self.name}:{key}": value for key, value in entries.items()}
        return {key.removeprefix(prefix): value for key, value in whole.items() if key.startswith(prefix)}

    def shown(self, path: Path) -> str:
        return str(path.relative_to(self.folder)) if path.is_relative_to(self.folder) else str(path)


def project_settings(folder: Path) -> Mapping[str, Any]:
    path = folder / PROJECT_FILE
    return _read(path, str(path))


def _read(path: Path, shown: str) -> Mapping[str, Any]:
    remedy = "fix it, or restore it from Git"
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        fail(Where(shown), "", f"can't be read: {error.strerror}", remedy)
    except (ValueError, yaml.YAMLError) as error:
        fail(Where(shown), "", f"can't be read: {str(error).splitlines()[0]}", remedy)
    if not isinstance(data, dict):
        fail(Where(shown), "", "is no mapping", remedy)
    return data
