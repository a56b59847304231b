"""The pipelines of the package and their pages, as their tests read them: jobs, scripts, commands, bash to run some."""

import os
import re
import subprocess
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from ambient_components.cli.templates import FOLDER

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/payments"
OFFLINE_GITHUB = FOLDER / "github/.github/workflows/workspaces.yaml"
OFFLINE_GITLAB = FOLDER / "gitlab/.gitlab-ci.yml"
GITHUB = FOLDER / "github-live/.github/workflows/workspaces.yaml"
GITLAB = FOLDER / "gitlab-live/.gitlab-ci.yml"
PIPELINES = [OFFLINE_GITHUB, OFFLINE_GITLAB, GITHUB, GITLAB]
"""Of stacks: with previews from an exported state, and with previews in the cluster."""
FLEET_GITHUB = FOLDER / "github-fleet/.github/workflows/fleet.yaml"
FLEET_GITLAB = FOLDER / "gitlab-fleet/.gitlab-ci.yml"
FLEET_SHARD = FOLDER / "gitlab-fleet/.gitlab/shard.yaml"
USER_GITHUB = FOLDER / "github-user/.github/workflows/session.yaml"
USER_GITLAB = FOLDER / "gitlab-user/session.yaml"
"""Of users of the platform: they start a session."""


def pipeline_id(path: Path) -> str:
    """A pipeline's name in tests: its folder among the templates."""
    return path.relative_to(FOLDER).parts[0]


PAGES = [ROOT / "docs/tasks/pipeline.md", ROOT / "docs/tasks/leaked-key.md"]
STAGES = ["dev", "stage", "prod"]
"""In the order in which they are deployed."""
_EXAMPLE = re.compile(r"^( *)# (- |  )", re.MULTILINE)
"""How a line of an example begins that is commented out; prose has one space after its sign."""


class _Strict(yaml.SafeLoader):
    """A key that is there twice is an error; only true and false are booleans, so `on` is text as GitHub reads it."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise yaml.constructor.ConstructorError(None, None, f"there twice: {twice}", node.start_mark)
        return super().construct_mapping(node, deep)


_Strict.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)$"), ["t", "f"])


def read(path: Path, *, with_examples: bool = False) -> dict[str, Any]:
    """A pipeline; with what is commented out in it, if asked for."""
    text = path.read_text(encoding="utf-8")
    if with_examples:
        text = _EXAMPLE.sub(r"\1\2", text)
    content: dict[str, Any] = yaml.load(text, _Strict)  # noqa: S506
    return content


def jobs(path: Path, *, with_examples: bool = False) -> dict[str, dict[str, Any]]:
    """The jobs by name; those of GitLab laid over what they extend: mappings are merged, all else is replaced."""
    content = read(path, with_examples=with_examples)
    if path.suffix == ".yaml":
        found: dict[str, dict[str, Any]] = content["jobs"]
        return found

    def whole(job: dict[str, Any]) -> dict[str, Any]:
        under = whole(content[job["extends"]]) if "extends" in job else {}
        return under | {
            key: under[key] | value if isinstance(value, dict) and key in under else value for key, value in job.items()
        }

    complete = {name: whole(job) for name, job in content.items() if isinstance(job, dict) and "stage" in whole(job)}
    return {name: job for name, job in complete.items() if not name.startswith(".")}


def scripts(path: Path) -> list[str]:
    """Each script of a pipeline, examples included."""
    found = []
    for job in jobs(path, with_examples=True).values():
        found += [step["run"] for step in job.get("steps", []) if "run" in step]
        if "script" in job:
            found.append("\n".join([*job.get("before_script", []), *job["script"]]))
    return found


def blocks(page: Path) -> list[str]:
    return re.findall(r"^ *```sh\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def run_bash(script: str, folder: Path, programs: dict[str, str], **environ: str) -> subprocess.CompletedProcess[str]:
    """A script as GitHub's runner starts it, with stand-ins first on PATH."""
    bin_ = folder / "bin"
    bin_.mkdir(exist_ok=True)
    for name, text in programs.items():
        (bin_ / name).write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
        (bin_ / name).chmod(0o755)
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": f"{bin_}:{os.environ['PATH']}", **environ},
        capture_output=True,
        text=True,
        check=False,
    )
