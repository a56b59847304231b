"""The backend that `ambient init` uses, and its entry in Pulumi.yaml."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import yaml

from ambient_components.cli.prompts import Ask, Question
from ambient_components.engine.backend import current_backend
from ambient_components.engine.command import Engine
from ambient_components.engine.stack_config import PROJECT_FILE
from ambient_components.stacks.project import Project
from ambient_components.writing import write_files

_VARIABLE = "PULUMI_BACKEND_URL"


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
        where = "in every shell" if recorded else f"in every shell, or in {PROJECT_FILE}: backend: {{url: {exported}}}"
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


def _write(project: Project, url: str) -> bool:
    """Append the entry, which keeps comments. Return False if that is not possible, or the URL has a password."""
    if urlsplit(url).password:
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
