"""Files that verbs write into a user's project, from the package's own. A file that exists is never changed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ambient_components._version import VERSION
from ambient_components.documentation import PAGES

FOLDER: Final = Path(__file__).parents[1] / "templates"
"""A folder for each set of files, with the paths that they have in a project."""


def write_templates(name: str, folder: Path, words: Mapping[str, str] | None = None, below: Path = Path()) -> list[str]:
    """Write the missing files of a set, and return a line for each file of it.

    Args:
        name: Name of the set.
        folder: Folder of the project.
        words: What to write for a placeholder.
        below: Where in the project to write them.
    """
    return [
        f"Wrote {below / path}" if write_new(folder, below / path, text) else f"Kept {below / path}: it exists already"
        for path, text in texts(name, words or {})
    ]


def texts(name: str, words: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """Yield the files of a set, each with its path in the project and its text."""
    for path in sorted((FOLDER / name).rglob("*")):
        if path.is_file() and path.parent.name != "__pycache__":
            text = path.read_text(encoding="utf-8")
            for word, written in {"AMBIENT_DOCS": PAGES, "AMBIENT_VERSION": VERSION, **words}.items():
                text = text.replace(word, written)
            yield path.relative_to(FOLDER / name), text


def write_new(folder: Path, path: Path, text: str) -> bool:
    """Write one file unless it exists, and return whether it was written."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    try:
        with (folder / path).open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        return False
    return True
