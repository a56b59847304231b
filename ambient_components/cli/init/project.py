"""Start of a project: the files that a folder needs before its first stack."""

import re
from pathlib import Path
from typing import Final

import yaml

from ambient_components.cli.init.initialize import write_schema
from ambient_components.cli.init.requirement import left_to_fill_in, own_requirement, pinned_in
from ambient_components.cli.templates import write_templates
from ambient_components.engine.stack_config import PROJECT_FILE
from ambient_components.errors import Where, fail
from ambient_components.stackfile.schema import SCHEMA_FILE
from ambient_components.stacks.project import STACK_FILES, Project

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")


def start_project(folder: Path, name: str) -> tuple[Project, list[str], list[str]]:
    """Write the missing files of a project, and return it with what was done and what the user does next.

    Its name is a part of the ownership annotation of every object and never changes.
    """
    # Pulumi.yaml has the name without quotes: `no` and `null` would be other values there.
    if not _NAME.fullmatch(name):
        fail(None, "--project", f"{name!r} can't name a project", "allowed: letters, digits, _ . and -, a letter first")
    if yaml.safe_load(name) != name:
        fail(
            None,
            "--project",
            f"{name!r} can't name a project",
            "YAML reads this word as another value than text: choose another name",
        )
    if (folder / PROJECT_FILE).is_file() and (found := Project.of(folder).name) != name:
        fail(Where(PROJECT_FILE), "name", f"this is the project {found!r}, not {name!r}", "leave --project out")
    requirement = own_requirement()
    done = write_templates("project", folder, {"PROJECT": name, "REQUIREMENT": requirement})
    project = Project.of(folder)
    done += write_schema(project) or [f"Kept {STACK_FILES}/{SCHEMA_FILE}: it exists already"]
    pinned = pinned_in((folder / "requirements.txt").read_text(encoding="utf-8", errors="replace"))
    steps = [left_to_fill_in(pinned) if pinned else f"add to requirements.txt: {requirement}"]
    if not (folder / ".venv").exists():
        steps += [
            "python3 -m venv .venv    # Pulumi.yaml names it",
            ".venv/bin/pip install --require-hashes -r requirements.lock",
            ".venv/bin/pip install --no-deps --no-build-isolation -r requirements.txt",
        ]
    return project, done, [*filter(None, steps)]


def default_name(folder: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", folder.name)[:100].strip("0123456789_.-") or "workspaces"
