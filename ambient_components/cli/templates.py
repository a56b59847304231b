"""Files that verbs write into a user's project, from the package's own. A file that exists is never changed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ambient_components.documentation import with_pages
from ambient_components.writing import write_new

FOLDER: Final = Path(__file__).parents[1] / "templates"


def example(stack: str) -> str:
    """Return a stack file with one workspace."""
    return (FOLDER / "stack" / "STACK.yaml").read_text(encoding="utf-8").replace("STACK", stack)


def write_templates(name: str, folder: Path, words: Mapping[str, str] | None = None) -> list[str]:
    """Write the missing files of a set, and return a line for each file of it."""
    return [
        f"Wrote {path}" if write_new(folder / path, text) else f"Kept {path}: it exists already"
        for path, text in texts(name, words or {})
    ]


def texts(name: str, words: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    for path in sorted((FOLDER / name).rglob("*")):
        if path.is_file() and path.parent.name != "__pycache__":
            text = with_pages(path.read_text(encoding="utf-8"))
            for word, written in words.items():
                text = text.replace(word, written)
            yield path.relative_to(FOLDER / name), text
