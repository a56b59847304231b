"""A fleet's shards in the formats of CI systems and of the Pulumi Kubernetes Operator. Pure.

Equal files give the same bytes, so a committed or compared result changes only with the files.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from ambient_components.errors import fail

GITHUB_MOST: Final = 256
"""Maximum number of jobs in a GitHub Actions matrix."""

GITLAB_MOST: Final = 200
"""Maximum number of jobs in a GitLab `parallel: matrix`."""

GITLAB_INCLUDE: Final = "/.gitlab/shard.yaml"
"""The file with the job `.shard`, which the child pipeline runs for every shard: `ambient pipeline` writes it."""


@dataclass(frozen=True, slots=True)
class Shard:
    stack: str
    config_file: str
    """The config file's path from the project folder."""
    workspaces: tuple[str, ...]
    resources: int | None = None
    """Number of resources in the state. None if unknown."""

    @property
    def name(self) -> str:
        return self.stack.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Operator:
    """Settings of the operator's resources. Empty values are left out."""

    repo: str
    branch: str = "main"
    folder: str = ""
    namespace: str = ""
    service_account: str = "pulumi"
    backend: str = ""
    passphrase: str = ""
    """Name of a Secret with the key `passphrase`."""
    every: int = 86_400
    """Seconds between two runs of the same commit. These runs renew keys."""


def text(shards: Sequence[Shard]) -> str:
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
    """Return all details as JSON, with the workspaces' names."""
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
    """Return the `matrix` of a GitHub Actions job on one line, for `${{ fromJSON(needs.plan.outputs.matrix) }}`.

    Raises:
        AmbientError: The fleet has more shards than a matrix may have jobs.
    """
    _check_most(shards, GITHUB_MOST, "a matrix of GitHub Actions")
    include = [
        {"shard": one.name, "stack": one.stack, "config-file": one.config_file, "workspaces": len(one.workspaces)}
        for one in shards
    ]
    return json.dumps({"include": include}, separators=(",", ":"), ensure_ascii=False) + "\n"


def gitlab(shards: Sequence[Shard]) -> str:
    """Return a GitLab child pipeline that runs the job `.shard` of `GITLAB_INCLUDE` for every shard.

    Raises:
        AmbientError: The fleet has more shards than a matrix may have jobs.
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


def operator(shards: Sequence[Shard], target: Operator) -> str:
    """Return a `Stack` resource of the Pulumi Kubernetes Operator 2 for every shard.

    The fields are in deploy/crds/pulumi.com_stacks.yaml of pulumi/pulumi-kubernetes-operator, 475dbc6c (chart 2.9.0).
    The operator has no --config-file; the CLI in its pods reads the option from PULUMI_OPTION_CONFIG_FILE.
    """
    return _yaml([_stack(one, target) for one in shards])


def _stack(shard: Shard, target: Operator) -> dict[str, Any]:
    env = {
        "PULUMI_OPTION_CONFIG_FILE": _literal(shard.config_file),
        # A failed step must not stop revocations.
        "PULUMI_CONTINUE_ON_ERROR": _literal("true"),
    }
    if target.passphrase:
        secret = {"name": target.passphrase, "key": "passphrase"}
        env["PULUMI_CONFIG_PASSPHRASE"] = {"type": "Secret", "secret": secret}
    spec: dict[str, Any] = {
        "stack": shard.stack,
        "projectRepo": target.repo,
        "branch": target.branch,
        "repoDir": target.folder,
        "serviceAccountName": target.service_account,
        "backend": target.backend,
        # `ambient init` and `ambient reshard` create the stacks: the operator would give each its own salt.
        "useLocalStackOnly": True,
        "refresh": True,
        "continueResyncOnCommitMatch": True,
        "resyncFrequencySeconds": target.every,
        # Deleting the resource must not delete workspaces.
        "destroyOnFinalize": False,
        "envRefs": env,
    }
    metadata = {"name": re.sub(r"[^a-z0-9-]", "-", shard.name.lower()).strip("-"), "namespace": target.namespace}
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
    return "---\n".join(yaml.safe_dump(one, sort_keys=False, allow_unicode=True, width=120) for one in documents)
