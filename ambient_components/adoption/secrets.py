"""Names in the two Secrets of an existing workspace. Values are never read: a person provides them. Contract 3."""

from collections.abc import Mapping, Sequence
from typing import Final

from ambient_components.adoption.notes import NoteRule, Notes
from ambient_components.cluster.objects import listing
from ambient_components.platform.contract import (
    INTEGRATION_SECRET,
    RUNNER_SECRET,
    RUNNER_SECRET_KEYS,
    STORAGE_VARIABLES,
)
from ambient_components.platform.variables import variable_problem
from ambient_components.rules.secret_patterns import looks_like_credential

RUNNER: Final = "runner"
INTEGRATIONS: Final = "integrations"
STORAGE: Final = "storage"
_S3: Final = "S3_"


def read_secrets(notes: Notes, secrets: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    runner, refused = _split(secrets.get(RUNNER_SECRET, ()), [*RUNNER_SECRET_KEYS])
    given = secrets.get(INTEGRATION_SECRET, ())
    storage = tuple(one for one in given if one in STORAGE_VARIABLES)
    variables = [one for one in given if variable_problem(one) is None]
    integrations, others = _split([one for one in given if one not in storage], variables)
    for secret, names, field in ((RUNNER_SECRET, runner, RUNNER), (INTEGRATION_SECRET, integrations, INTEGRATIONS)):
        if names:
            notes.add(
                NoteRule.SECRETS,
                f"Secret {secret} has {listing(names)}: adoption keeps no values, and the first run does not "
                "change the Secret",
                f"to declare them, name a source for each under secrets.{field}: a run sets the whole Secret",
                object=f"Secret {secret}",
            )
    for secret, number in ((RUNNER_SECRET, refused), (INTEGRATION_SECRET, others)):
        if number:
            # Not named: a name may be a credential on the wrong side of the colon.
            notes.add(
                NoteRule.VARIABLES,
                f"Secret {secret} has {number} names that the stack file does not accept; a run that declares the "
                "Secret removes them",
                f"see them with kubectl describe secret --namespace {notes.workspace} {secret}",
                object=f"Secret {secret}",
            )
    if any(one.startswith(_S3) for one in storage):
        notes.add(
            NoteRule.STORAGE,
            f"Secret {INTEGRATION_SECRET} has variables of an object storage of its own ({listing(storage)})",
            "declare storage.bucket with driver: existing, and sources for its keys",
            object=f"Secret {INTEGRATION_SECRET}",
        )
    return {
        field: names for field, names in ((RUNNER, runner), (INTEGRATIONS, integrations), (STORAGE, storage)) if names
    }


def _split(names: Sequence[str], accepted: Sequence[str]) -> tuple[tuple[str, ...], int]:
    kept = tuple(one for one in names if one in accepted and not looks_like_credential(one))
    return kept, len(names) - len(kept)
