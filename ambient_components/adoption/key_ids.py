"""Ids of existing keys: the entry names a key by an id, the platform by a ServiceAccount. Contract 1.4."""

from collections.abc import Collection
from typing import Final

from ambient_components.cluster.objects import Json, annotations, name
from ambient_components.platform.contract import KEY_NAME_ANNOTATION, KEY_PREFIX
from ambient_components.platform.naming import (
    KEY_ID_MAX,
    key_account,
    key_id_problem,
    sanitize_name,
)

_GENERATIONS: Final = 50
"""Generations in which the ServiceAccount of a key of this tool is recognised."""


def made_here(workspace: str, account: str) -> tuple[str, int] | None:
    """Return id and generation of a key if its ServiceAccount has the name that this tool creates; None otherwise.

    The name alone proves nothing: it is computed without a secret, so workspace users can create it too.
    """
    key_id = _middle(account)
    made = (one for one in range(1, _GENERATIONS + 1) if key_account(workspace, key_id, one) == account)
    return next(((key_id, generation) for generation in made), None)


def new_id(workspace: str, account: Json, taken: Collection[str]) -> str:
    """Return an id for a key, as close as possible to its name."""
    if made := made_here(workspace, name(account)):
        # Another id, or a later generation of the key could get this ServiceAccount, with its tokens.
        taken = {*taken, made[0]}
    number, key_id = 1, _id(account)
    candidate = key_id
    while candidate in taken:
        number += 1
        tail = f"-{number}"
        candidate = key_id[: KEY_ID_MAX - len(tail)].rstrip("-") + tail
    return candidate


def _id(account: Json) -> str:
    """Return the key's name as an id; if nothing remains of it, the part of the ServiceAccount's name."""
    label = annotations(account).get(KEY_NAME_ANNOTATION, "")
    if key_id_problem(label) is None:
        return label
    if any(character.isascii() and character.isalnum() for character in label):
        return sanitize_name(label)
    return sanitize_name(_middle(name(account)))


def _middle(account: str) -> str:
    return account.removeprefix(KEY_PREFIX).rpartition("-")[0]
