"""Rules for a workspace's two secrets: valid variables, and drift policies."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from ambient_components.platform.contract import RUNNER_SECRET_KEYS
from ambient_components.platform.variables import variable_problem
from ambient_components.rules.findings import Finding, verdict_finding
from ambient_components.suggest import allowed_words

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
        yield from verdict_finding((name,), variable_problem(name), at_key=True)


def drift_findings(integrations: str, *, has_bucket: bool) -> Iterator[Finding]:
    """Find `keep` with a bucket: its credentials are in the integration secret. Contract 3, 10.12."""
    if has_bucket and integrations == DriftPolicy.KEEP:
        yield Finding(
            ("integrations",),
            "is keep, and the bucket's credentials lie in the same Secret: a save in the UI drops them",
            "write overwrite, or remove it",
        )
