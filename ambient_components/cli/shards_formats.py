"""A fleet's plan of work in the forms that others run it from: CI systems and the Pulumi Kubernetes Operator. Pure.

The same files give the same text, to the byte: what is committed or compared does not change by itself.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.errors import fail

GITHUB_MOST: Final = 256
"""Jobs of one matrix of GitHub Actions."""

GITLAB_MOST: Final = 200
"""Jobs of one `parallel: matrix` of GitLab."""

GITLAB_INCLUDE: Final = "/.gitlab/shard.yaml"
"""Where the job `.shard` is, which the child pipeline runs for every shard; examples/payments has one."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard, as it is listed."""

    stack: str
    config_file: str
    """From the project's folder."""
    workspaces: tuple[str, ...]
    resources: int | None = None
    """In its state; None: not known."""

    @property
    def name(self) -> str:
        """The stack's name without its organisation."""
        return self.stack.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Operator:
    """What the operator's resources say besides; empty: left out."""

    repo: str
    branch: str = "main"
    folder: str = ""
    namespace: str = ""
    service_account: str = "pulumi"
    backend: str = ""
    passphrase: str = ""
    """Name of a Secret with the key `passphrase`."""
    every: int = 86_400
    """Seconds between two runs of the same commit: keys are renewed by them."""


def text(shards: Sequence[Shard]) -> str:
    """A table for people."""
    rows = [("SHARD", "STACK", "WORKSPACES", "RESOURCES")]
    rows += [
        (one.name, one.stack, str(len(one.workspaces)), "-" if one.resources is None else str(one.resources))
        for one in shards
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


def as_json(shards: Sequence[Shard]) -> str:
    """All that is known, with the workspaces' names."""
    found = [
        {
            "shard": one.name,
            "stack": one.stack,
            "configFile": one.config_file,
            "workspaces": list(one.workspaces),
            "resources": one.resources,
        }
        for one in shards
    ]
    return json.dumps({"shards": found}, indent=2, ensure_ascii=False) + "\n"


def github(shards: Sequence[Shard]) -> str:
    """The `matrix` of a job of GitHub Actions, on one line: `matrix: ${{ fromJSON(needs.plan.outputs.matrix) }}`.

    Raises:
        AmbientError: there are more shards than a matrix may have jobs.
    """
    _check_most(shards, GITHUB_MOST, "a matrix of GitHub Actions")
    include = [
        {"shard": one.name, "stack": one.stack, "config-file": one.config_file, "workspaces": len(one.workspaces)}
        for one in shards
    ]
    return json.dumps({"include": include}, separators=(",", ":"), ensure_ascii=False) + "\n"


def gitlab(shards: Sequence[Shard]) -> str:
    """A child pipeline of GitLab: the job `.shard` of `GITLAB_INCLUDE` for every shard.

    Raises:
        AmbientError: there are more shards than a matrix may have jobs.
    """
    _check_most(shards, GITLAB_MOST, "parallel: matrix of GitLab")
    files = sorted({one.config_file for one in shards})
    matrix = [
        {"CONFIG_FILE": file, "STACK": [one.stack for one in shards if one.config_file == file]} for file in files
    ]
    pipeline = {
        "include": [{"local": GITLAB_INCLUDE}],
        "shard": {"extends": ".shard", "resource_group": "$STACK", "parallel": {"matrix": matrix}},
    }
    return _yaml([pipeline])


def operator(shards: Sequence[Shard], said: Operator) -> str:
    """`Stack` resources of the Pulumi Kubernetes Operator 2, one a shard.

    Fields: deploy/crds/pulumi.com_stacks.yaml of GitHub's pulumi/pulumi-kubernetes-operator, 475dbc6c (chart 2.9.0).
    The operator knows no --config-file; the CLI in its pods takes the option from PULUMI_OPTION_CONFIG_FILE.
    """
    return _yaml([_stack(one, said) for one in shards])


def _stack(shard: Shard, said: Operator) -> dict[str, Any]:
    env = {
        "PULUMI_OPTION_CONFIG_FILE": _literal(shard.config_file),
        # A failed step holds back no revocation.
        "PULUMI_CONTINUE_ON_ERROR": _literal("true"),
    }
    if said.passphrase:
        secret = {"name": said.passphrase, "key": "passphrase"}
        env["PULUMI_CONFIG_PASSPHRASE"] = {"type": "Secret", "secret": secret}
    spec: dict[str, Any] = {
        "stack": shard.stack,
        "projectRepo": said.repo,
        "branch": said.branch,
        "repoDir": said.folder,
        "serviceAccountName": said.service_account,
        "backend": said.backend,
        # `ambient reshard` and `ambient init` make them: the operator would give each a salt of its own.
        "useLocalStackOnly": True,
        "refresh": True,
        "continueResyncOnCommitMatch": True,
        "resyncFrequencySeconds": said.every,
        # Whoever deletes the resource deletes no workspace.
        "destroyOnFinalize": False,
        "envRefs": env,
    }
    metadata = {"name": re.sub(r"[^a-z0-9-]", "-", shard.name.lower()).strip("-"), "namespace": said.namespace}
    return {
        "apiVersion": "pulumi.com/v1",
        "kind": "Stack",
        "metadata": {key: value for key, value in metadata.items() if value},
        "spec": {key: value for key, value in spec.items() if value != ""},
    }


def _literal(value: str) -> dict[str, Any]:
    return {"type": "Literal", "literal": {"value": value}}


def _check_most(shards: Sequence[Shard], most: int, what: str) -> None:
    if len(shards) > most:
        fail(
            None,
            "",
            f"{len(shards)} shards are more than {what} may have jobs, {most}",
            "ambient reshard FLEET --shards N",
        )


def _yaml(documents: Sequence[Any]) -> str:
    import yaml  # noqa: PLC0415  # only two of the forms need it

    return "---\n".join(yaml.safe_dump(one, sort_keys=False, allow_unicode=True, width=120) for one in documents)
