"""Writing of several files of a project, all or none."""

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ambient_components.errors import AmbientError, Problem

_MODE = 0o644
"""Mode of new files."""


def write_files(contents: Mapping[str, bytes]) -> None:
    """Write files. None is replaced until all new contents are written to temporary files.

    Raises:
        AmbientError: A file can't be written.
    """
    beside: dict[Path, Path] = {}
    try:
        for file, content in contents.items():
            # Keep a symbolic link and replace its target.
            target = Path(file).resolve()
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as stream:
                beside[Path(stream.name)] = target
                stream.write(content)
            if target.exists():
                shutil.copymode(target, stream.name)
            else:
                Path(stream.name).chmod(_MODE)
        for made, target in beside.items():
            made.replace(target)
    except OSError as error:
        problem = f"can't be written: {error.strerror}"
        raise AmbientError([Problem(None, str(error.filename or ""), problem, ("see who may write there",))]) from None
    finally:
        for made in beside:
            with suppress(OSError):
                made.unlink()
