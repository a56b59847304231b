"""Start of a project: the files that a folder needs before its first stack."""

import json
import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

import yaml

from ambient_components._version import VERSION
from ambient_components.cli.init.initialize import write_schema
from ambient_components.cli.templates import write_templates
from ambient_components.documentation import RELEASE, REPOSITORY
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


PACKAGE: Final = "ambient-components"
HASH: Final = "HASH"
COMMIT: Final = "COMMIT"
"""Placeholders for what is not known here. pip refuses both."""

WHEEL: Final = f"{PACKAGE.replace('-', '_')}-{VERSION}-py3-none-any.whl"


def own_requirement() -> str:
    """Return the requirement: an address with a hash or a commit, never a name that an index would resolve."""
    try:
        text = metadata.distribution(PACKAGE).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        text = None
    return f"{PACKAGE} @ {requirement_of(json.loads(text) if text else {})}"


def requirement_of(origin: Mapping[str, Any]) -> str:
    """Return the address for a recorded origin, with what pins it."""
    url = str(origin.get("url", ""))
    parts = urlsplit(url)
    if vcs := origin.get("vcs_info"):
        return f"{vcs['vcs']}+{_shared(parts)}@{vcs['commit_id']}"
    if "dir_info" in origin:  # a clone, which only this machine has
        return f"git+{REPOSITORY}@{COMMIT}"
    known = (origin.get("archive_info") or {}).get("hashes", {}).get("sha256", HASH)
    # A file of this machine is a release file that was downloaded; no password or signature is written down.
    is_shared = parts.scheme == "https" and "@" not in parts.netloc and not (parts.query or parts.fragment)
    return f"{url if is_shared else f'{RELEASE}/{WHEEL}'} --hash=sha256:{known}"


def _shared(parts: SplitResult) -> str:
    """Return a repository's address for a file that is committed.

    It has neither a password nor a folder of this machine. The user name is part of an address by SSH, and may be a
    token in others.
    """
    if parts.scheme == "file" or not parts.netloc:
        return REPOSITORY
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0] if parts.scheme == "ssh" else ""
    return urlunsplit((parts.scheme, f"{name}@{host}" if name else host, parts.path, "", ""))


def pinned_in(requirements: str) -> str | None:
    found = re.search(rf"^{PACKAGE} @ .*", requirements, re.MULTILINE)
    return found and found[0].rstrip()


def left_to_fill_in(requirement: str) -> str:
    if requirement.endswith(f":{HASH}"):
        return f"edit requirements.txt: {HASH} is the release file's, in SHA256SUMS of the release"
    return f"edit requirements.txt: {COMMIT} is the full commit to install" if requirement.endswith(COMMIT) else ""
