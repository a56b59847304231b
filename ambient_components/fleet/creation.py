"""New stacks of a fleet, with one config and one key for all of them."""

import secrets
import shutil
import tempfile
from pathlib import Path

import yaml

from ambient_components.engine.backend import current_backend
from ambient_components.engine.command import Engine
from ambient_components.shards.names import FLEET_KEY
from ambient_components.stacks.project import Project, bare_name
from ambient_components.writing import write_files

_KEY_BYTES = 32


def set_fleet_key(engine: Engine, flags: tuple[str, ...]) -> None:
    """Put a new key for the marks of secret values into a fleet's config, encrypted."""
    engine.run("config", "set", "--secret", FLEET_KEY, *flags, stdin=secrets.token_hex(_KEY_BYTES))


def make_shards(engine: Engine, project: Project, names: list[str], config_file: Path, provider: str) -> None:
    """Create the stacks of shards, each with the fleet's config.

    `pulumi stack init` takes no --config-file, and writes one of the stack's own. So it is run in a folder of its own,
    with a copy; the first one's, with the salt or the key, becomes the fleet's. Nothing else stays, however this ends.
    """
    url = current_backend(engine) or ""
    # A state in files may be named relative to the project's folder.
    elsewhere = engine.with_backend(url) if url.startswith("file://") else engine
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shutil.copy(project.folder / "Pulumi.yaml", folder)
        configs = folder / project.config_folder
        configs.mkdir(parents=True, exist_ok=True)
        for name in names:
            own = configs / f"Pulumi.{bare_name(name)}.yaml"
            if config_file.exists():
                shutil.copy(config_file, own)
            where = ("--cwd", str(folder), "--no-select")
            elsewhere.run("stack", "init", *where, "--secrets-provider", provider, "--stack", name)
            if not config_file.exists() and own.exists():
                write_files({str(config_file): own.read_bytes()})


def provider_of(config_file: Path) -> str:
    """Return the secrets provider of an existing config, as `pulumi stack init --secrets-provider` takes it."""
    reported = yaml.safe_load(config_file.read_text(encoding="utf-8")) or {}
    return str(reported.get("secretsprovider") or ("passphrase" if reported.get("encryptionsalt") else "default"))
