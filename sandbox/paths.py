"""Paths of the sandbox: its data in the repository's `.sandbox`, downloaded and built programs in the user's cache."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
TOOLCHAIN_SOURCES = Path(__file__).resolve().parent / "toolchain"
PLATFORM_MANIFESTS = Path(__file__).resolve().parent / "platform"
DEFAULT_DIRECTORY = REPOSITORY / ".sandbox"


def cache_root(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the cache folder, which survives clones and `clean`, because a build takes minutes."""
    if selected := environ.get("AMBIENT_CACHE_DIR"):
        return Path(selected).expanduser().absolute()
    base = environ.get("XDG_CACHE_HOME")
    home = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return home / "ambient-components"


def is_set(variable: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a switch such as `AMBIENT_OFFLINE` is on."""
    return environ.get(variable, "").lower() not in {"", "0", "false", "no"}


def private_folder(path: Path) -> None:
    """Create a folder that only its owner can read, or make an existing one so."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)


def create_private(path: Path, text: str) -> None:
    """Write a private file unless it exists. Of several writers, the first wins."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError:
        path.unlink(missing_ok=True)  # an empty file would count as complete
        raise


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a private file atomically. It is never readable by others, not even before a chmod."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as stream:
        stream.write(text)
    temporary.replace(path)


@contextmanager
def partial_file(target: Path) -> Iterator[Path]:
    """Yield a temporary name beside `target`. It is renamed to it on success and removed on failure."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
