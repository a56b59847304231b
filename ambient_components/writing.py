"""Writing of files: each as a whole, under a temporary name first. All files that people name are written here."""

import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from ambient_components.errors import AmbientError, Problem, stop

_MODE: Final = 0o644
PRIVATE: Final = 0o600
"""Mode of a file with a credential: no other user can read it."""


def write_files(contents: Mapping[str, bytes]) -> None:
    """Write files of a project. None is replaced until all new contents are written to temporary files."""
    beside: dict[Path, Path] = {}
    try:
        for file, content in contents.items():
            # Keep a symbolic link and replace its target.
            target = Path(file).resolve()
            target.parent.mkdir(parents=True, exist_ok=True)
            mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else _MODE
            beside[_temporary(target, content, mode)] = target
        for made, target in beside.items():
            made.replace(target)
    except OSError as error:
        problem = f"can't be written: {error.strerror}"
        raise AmbientError([Problem(None, str(error.filename or ""), problem, ("see who may write there",))]) from None
    finally:
        for made in beside:
            with suppress(OSError):
                made.unlink()


def write_file(path: Path, content: bytes, mode: int = _MODE) -> bool:
    """Write one file anywhere, and return whether its content changed.

    A link is refused: in a folder that others write to, it can lead to any file of this user. A file with further names
    (hard links) keeps its content under these.
    """
    made: Path | None = None
    try:
        same = False
        if os.path.lexists(path):
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                stop(f"{path} is there, and is no plain file", "name the file itself")
            same = path.read_bytes() == content
            if same and stat.S_IMODE(status.st_mode) == mode:
                return False
        made = _temporary(path, content, mode)
        made.replace(path)
    except OSError as error:
        stop(f"{path} can't be written: {error.strerror}", "name a file in a folder that you may write to")
    finally:
        if made is not None:
            with suppress(OSError):
                made.unlink()
    return not same


def write_new(path: Path, text: str) -> bool:
    """Write one file of a project unless it exists, even as a link, and return whether it was written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        return False
    return True


def _temporary(target: Path, content: bytes, mode: int) -> Path:
    """Write a temporary file beside the target, which no other user can read before it has its mode."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    made = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            os.fchmod(stream.fileno(), mode)
    except BaseException:
        made.unlink()
        raise
    return made
