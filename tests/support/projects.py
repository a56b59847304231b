"""Project folders of stacks, as the verbs of the command line find them."""

from collections.abc import Mapping
from pathlib import Path


def write_project(folder: Path, files: Mapping[str, str], name: str = "p") -> Path:
    """Write the project file and other files, by their paths in the project."""
    project = f"name: {name}\nruntime: python\nstackConfigDir: stacks\n"
    for path, text in {"Pulumi.yaml": project, **files}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8", newline="")
    return folder
