"""Start of a project: the files that a folder needs before its first stack, and its backend."""

import json
import re
import shlex
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import yaml

from ambient_components._version import VERSION
from ambient_components.cli.init.initialize import write_schema
from ambient_components.cli.prompts import Ask, Question
from ambient_components.cli.templates import write_templates
from ambient_components.documentation import RELEASE, REPOSITORY
from ambient_components.engine.backend import current_backend
from ambient_components.engine.command import Engine
from ambient_components.engine.stack_config import PROJECT_FILE
from ambient_components.errors import Where, fail
from ambient_components.stackfile.schema import SCHEMA_FILE
from ambient_components.stacks.project import STACK_FILES, Project
from ambient_components.writing import write_files

_VARIABLE: Final = "PULUMI_BACKEND_URL"
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
    if (folder / PROJECT_FILE).is_file() and (existing := Project.of(folder).name) != name:
        fail(Where(PROJECT_FILE), "name", f"this is the project {existing!r}, not {name!r}", "leave --project out")
    requirement = own_requirement()
    done = write_templates("project", folder, {"PROJECT": name, "REQUIREMENT": requirement})
    project = Project.of(folder)
    done += write_schema(project) or [f"Kept {STACK_FILES}/{SCHEMA_FILE}: it exists already"]
    pinned = pinned_in((folder / "requirements.txt").read_text(encoding="utf-8", errors="replace"))
    steps = [left_to_fill_in(pinned, folder) if pinned else f"add to requirements.txt: {requirement}"]
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

_HERE: Final = "./"

WHEEL: Final = f"{PACKAGE.replace('-', '_')}-{VERSION}-py3-none-any.whl"


def own_requirement() -> str:
    """Return the requirement: a file or address with a hash or commit, never a name that an index would resolve."""
    address = requirement_of(_origin())
    return address if address.startswith(_HERE) else f"{PACKAGE} @ {address}"


def _origin() -> Mapping[str, Any]:
    """Return where this package was installed from, as pip records it."""
    try:
        text = metadata.distribution(PACKAGE).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        text = None
    return json.loads(text) if text else {}


def requirement_of(origin: Mapping[str, Any]) -> str:
    """Return the address for a recorded origin, with what pins it."""
    url = str(origin.get("url", ""))
    parts = urlsplit(url)
    if vcs := origin.get("vcs_info"):
        return f"{vcs['vcs']}+{_shared(parts)}@{vcs['commit_id']}"
    if "dir_info" in origin:  # a clone, which only this machine has
        return f"git+{REPOSITORY}@{COMMIT}"
    known = (origin.get("archive_info") or {}).get("hashes", {}).get("sha256", HASH)
    if parts.scheme == "file":
        return f"{_HERE}{Path(unquote(parts.path)).name} --hash=sha256:{known}"
    # No password or signature is written down.
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
    requirement = re.search(rf"^({PACKAGE} @ |\./{PACKAGE.replace('-', '_')}-).*", requirements, re.MULTILINE)
    return requirement and requirement[0].rstrip()


def left_to_fill_in(requirement: str, folder: Path) -> str:
    file = requirement.partition(" ")[0]
    if file.startswith(_HERE):
        source = unquote(urlsplit(str(_origin().get("url", ""))).path) or file.removeprefix(_HERE)
        copy = f"cp {shlex.quote(source)} .    # and commit it: requirements.txt installs it from here"
        return "" if (folder / file).exists() else copy
    if requirement.endswith(f":{HASH}"):
        return f"edit requirements.txt: {HASH} is the release file's, in SHA256SUMS of the release"
    return f"edit requirements.txt: {COMMIT} is the full commit to install" if requirement.endswith(COMMIT) else ""


def settle_backend(engine: Engine, requested: str, ask: Ask) -> tuple[Engine, str]:
    """Return the engine on the selected backend, and the URL that the user chose. No URL if they keep the current one.

    A login is never changed, because it applies to every project on the machine.
    """
    current = current_backend(engine)
    desired = requested or current or ask(Question("Backend for the state", "--backend", "file://~"))
    selected = engine if desired == current else engine.with_backend(desired)
    return selected, desired if requested or not current else ""


def record_backend(project: Project, url: str, environ: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Write a chosen backend into Pulumi.yaml, unless it has one, and return what was done and what is left to do."""
    exported, recorded = environ.get(_VARIABLE, ""), _recorded(project)
    if not url:
        if not exported or recorded == exported:
            return [], []
        where = "in every shell"
        if not recorded and _is_shared(exported):
            where += f", or in {PROJECT_FILE}: backend: {{url: {exported}}}"
        return [], [f"export {_VARIABLE}={exported}    # {where}"]
    done: list[str] = []
    if recorded is None and _write(project, url):
        done, recorded = [f"Set backend.url: {url} in {PROJECT_FILE}, for everyone who uses this project"], url
    if recorded != url:
        return done, [f"export {_VARIABLE}={url}    # in every shell: {PROJECT_FILE} does not have this backend"]
    return done, [f"unset {_VARIABLE}    # it is {exported}, and overrides {PROJECT_FILE}"] * (
        exported not in ("", url)
    )


def _recorded(project: Project) -> str | None:
    """Return the backend in Pulumi.yaml. None if it has no entry for one."""
    entry = project.read(project.folder / PROJECT_FILE).get("backend")
    return None if entry is None else str(entry.get("url") or "") if isinstance(entry, dict) else ""


def _is_shared(url: str) -> bool:
    """Tell whether a backend is the same for everyone: no password, no folder of this machine or of a person."""
    return not (urlsplit(url).password or url.startswith(("file:///", "file://~")))


def _write(project: Project, url: str) -> bool:
    """Append the entry, which keeps comments. Return False if that is not possible, or the URL can't be shared."""
    if not _is_shared(url):
        return False
    path = project.folder / PROJECT_FILE
    before = path.read_text(encoding="utf-8")
    after = before + ("" if before.endswith("\n") else "\n") + yaml.safe_dump({"backend": {"url": url}})
    try:
        parsed = yaml.safe_load(after)
    except yaml.YAMLError:
        return False
    if parsed != {**yaml.safe_load(before), "backend": {"url": url}}:
        return False
    write_files({str(path): after.encode()})
    return True
