"""Rules for secrets: their variables, values that are never a source, and namespaces that never receive a key.

A source is read with the rights of the run and ends up in the sessions of a workspace. What a workspace may read is a
list of what is allowed (`stackfile.checks.sources`), as no list of what is not can be complete. These names stay
forbidden even where that list is too wide.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from posixpath import join
from typing import Final

from ambient_components.platform import variables
from ambient_components.platform.contract import GITLAB_TOKENS, PLATFORM_NAMESPACE_DEFAULT, RUNNER_SECRET_KEYS
from ambient_components.rules.findings import Finding, Verdict, verdict_finding
from ambient_components.suggest import allowed_words

CONFIG: Final = frozenset(
    {
        "accessTests",
        "ambientApiServer",
        "clusterUid",
        "context",
        "fleetKey",
        "maxTokenLifetime",
        "objectStore",
        "openshift",
        "operatorImage",
        "platformNamespace",
        "platformUrl",
        "shards",
        "sso",
        "vertex",
    }
)
"""Keys of the stack's config that this tool uses itself, including credentials."""

VARIABLES: Final = (
    "PULUMI_*",
    "AMBIENT_*",
    "KUBE*",  # KUBECONFIG, KUBERNETES_*
    # Clouds and stores.
    "AWS_*",
    "ARM_*",
    "AZURE_*",
    "CLOUDSDK_*",
    "GOOGLE_*CREDENTIALS",
    "GOOGLE_OAUTH_*",
    "VAULT_*",
    # CI jobs: each forge's own token, and the variables that issue identity tokens.
    "ACTIONS_*",
    "GITHUB_*",
    "GH_*",
    "GITLAB_TOKEN",
    "CI_*",
    "SYSTEM_ACCESSTOKEN",
    "BITBUCKET_*",
    "BUILDKITE_*",
    "CIRCLE_*",
    "SSH_*",
    "CLOUD_TOKEN",  # the identity token of our GitLab example
)
"""Environment variables with credentials of the run, as patterns; case-insensitive."""

FOLDERS: Final = (
    "/proc",
    "/dev",
    "/sys",
    # Tokens of a pod's own account and of its cloud identity.
    "/run/secrets/kubernetes.io",
    "/run/secrets/eks.amazonaws.com",
    "/run/secrets/azure",
    "/var/run/secrets/kubernetes.io",
    "/var/run/secrets/eks.amazonaws.com",
    "/var/run/secrets/azure",
)
"""Absolute paths of folders that no source may be in."""

NAMES: Final = (
    ".[!.]*",  # .aws, .git, .kube, .npmrc; a mounted Secret has ..data
    "gcloud",
    "kubeconfig",
    "kubeconfig.*",
    "*.kubeconfig",
    "pulumi.*",
)
"""Patterns of file and folder names that no source path may contain; case-insensitive."""

NAMESPACES: Final = ("kube-*", "openshift", "openshift-*")
"""Patterns of the namespaces of Kubernetes and OpenShift. The platform's own namespace is never a source either."""

_CREDENTIAL_FILES: Final = (".kube/config", ".aws/credentials", ".pulumi/credentials.json")


def config_problem(key: str) -> Verdict:
    """Check the key of a value in the stack's config."""
    if key in CONFIG:
        return f"{key!r} is this tool's own config, and never a source", "name a value that was set for this secret"
    return None


def variable_problem(name: str) -> Verdict:
    pattern = _matching(name.upper(), VARIABLES)
    if pattern is None:
        return None
    which = "" if pattern == name else f" ({pattern})"
    return (
        f"{name!r} belongs to the run itself{which}, and is never a source",
        "pass the secret to the run in a variable of another name, such as PAYMENTS_GITHUB_TOKEN",
    )


def path_problem(path: str) -> Verdict:
    """Check the path of a file: relative to the project's folder if it is below it, otherwise absolute."""
    folder = next((folder for folder in FOLDERS if path == folder or path.startswith(f"{folder}/")), None)
    name = next((part for part in path.split("/") if _matching(part.lower(), NAMES)), None)
    if folder is None and name is None:
        return None
    return (
        f"{path!r} may hold credentials of the run ({folder or name}), and is never a source",
        "keep the secret in a file of its own",
    )


def secret_problem(name: str) -> Verdict:
    """Check the name of a Secret that is read, in any namespace."""
    if name == GITLAB_TOKENS:
        return (
            f"{name!r} has the GitLab tokens of the workspace's users, and is never a source",
            "name a Secret of your own, with a token for this workspace",
        )
    return None


def namespace_problem(namespace: str, platform: str = PLATFORM_NAMESPACE_DEFAULT) -> Verdict:
    """Check the namespace of a Secret that is read, or that a key is delivered to."""
    if namespace in (platform, PLATFORM_NAMESPACE_DEFAULT):
        return f"{namespace!r} is the platform's own namespace", "name a namespace of your own"
    if _matching(namespace, NAMESPACES):
        return f"{namespace!r} is a namespace of Kubernetes or OpenShift", "name a namespace of your own"
    return None


def credential_files(environment: Mapping[str, str]) -> list[str]:
    """Return the paths of files with credentials of this run, whether they exist or not."""
    named = [
        path
        for name, value in environment.items()
        if _matching(name.upper(), VARIABLES)
        for path in value.split(os.pathsep)
        if path and "\0" not in path
    ]
    home = environment.get("HOME") or ""
    return [*named, *(join(home, path) for path in _CREDENTIAL_FILES if home)]


def _matching(name: str, patterns: tuple[str, ...]) -> str | None:
    return next((pattern for pattern in patterns if fnmatchcase(name, pattern)), None)


SOURCE_FIELDS: Final = ("config", "env", "file", "secret", "value")
"""Fields of a secret source in the stack file; each source has exactly one."""


class DriftPolicy(StrEnum):
    """Which side wins after a save in the platform's UI, which replaces all values of a secret. Contract 10.12."""

    OVERWRITE = "overwrite"
    """The stack file: the next run restores its values."""

    KEEP = "keep"
    """The UI: its values stay until a value in the stack file changes."""


def runner_findings(names: Iterable[str]) -> Iterator[Finding]:
    """Find keys that the runner secret does not accept. Contract 3."""
    for name in names:
        if name not in RUNNER_SECRET_KEYS:
            remedy = allowed_words(name, RUNNER_SECRET_KEYS)
            yield Finding((name,), "is a key that the runner secret doesn't take", remedy, at_key=True)


def integration_findings(names: Iterable[str]) -> Iterator[Finding]:
    """Find variables that the integration secret cannot have. Contract 3, 10.15."""
    for name in names:
        yield from verdict_finding((name,), variables.variable_problem(name), at_key=True)


def drift_findings(integrations: str, *, has_bucket: bool) -> Iterator[Finding]:
    """Find `keep` with a bucket: its credentials are in the integration secret. Contract 3, 10.12."""
    if has_bucket and integrations == DriftPolicy.KEEP:
        yield Finding(
            ("integrations",),
            "is keep, and the bucket's credentials lie in the same Secret: a save in the UI drops them",
            "write overwrite, or remove it",
        )
