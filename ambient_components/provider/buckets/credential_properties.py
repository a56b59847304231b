"""Inputs and outputs of an S3Credentials: their checks, the values derived from them, and the recorded access keys."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ambient_components.errors import Problem, refusal
from ambient_components.provider.protocol.resource import Values
from ambient_components.provider.protocol.wire import UNKNOWN, Secret
from ambient_components.provider.store.accounts import Account
from ambient_components.provider.tokens.properties import (
    failures,
    known,
    life_missing,
    required,
    rotation,
    without_unknown,
)
from ambient_components.rotation import SCHEMA_VERSION, TokenState
from ambient_components.rules.arguments import Argument, kind_findings
from ambient_components.rules.bucket_names import bucket_name_problem
from ambient_components.rules.bucket_policy import access_policy
from ambient_components.rules.buckets import credential_findings
from ambient_components.rules.lifetimes import Policy
from ambient_components.rules.renewals import ACCESS_KEY_LIFE, policy_of

_REQUIRED: Final = ("user", "bucket", "owner")

OWN: Final = {
    "generation": Argument(int, "Generation of the user, from 1."),
    "keysOnly": Argument(bool, "Another tool creates the user and its policy."),
    "incomplete": Argument(bool, "The user failed in this run: the step fails without changes."),
    "released": Argument(bool, "No key is created or revoked, and the ownership annotation is removed."),
}
"""Inputs about the user's lifecycle; `rules.buckets` has the arguments of its keys."""

_USER: Final = re.compile(r"[a-z0-9][-a-z0-9]{0,62}[a-z0-9]")
_USED_IN: Final = re.compile(r"[^/\s]+/[^/\s]+")


def problems(olds: Values, news: Values) -> list[Problem]:
    """Return all inputs at once that no store accepts or that have no meaning.

    Args:
        olds: The deployed inputs.
        news: The new inputs, including unknown ones.
    """
    given = without_unknown(news)
    found = [*required(news, _REQUIRED), *failures(kind_findings(given, OWN))]
    bucket, user, prefix, used = (news.get(name) for name in ("bucket", "user", "prefix", "usedIn"))
    if isinstance(bucket, str) and bucket and (problem := bucket_name_problem(bucket)):
        found.append(refusal(f"bucket {bucket!r} {problem[0]}", problem[1]))
    if isinstance(user, str) and user and not _USER.fullmatch(user):
        hint = "allowed: 2-64 of a-z 0-9 -, no dash at the ends"
        found.append(refusal(f"user {user!r} is no name for a store's user", hint))
    if prefix not in (None, "", UNKNOWN) and not (isinstance(prefix, str) and prefix.endswith("/") and prefix != "/"):
        found.append(refusal("prefix: text with a slash at its end is expected, such as payments/"))
    if used not in (None, UNKNOWN) and not (isinstance(used, str) and _USED_IN.fullmatch(used)):
        found.append(refusal("usedIn: NAMESPACE/SECRET is expected"))
    found += [*life_missing(news), *failures(credential_findings(given, complete=known(news), of_sessions=False))]
    if news.get("released") and not olds:
        found.append(refusal("released: there is no access key yet that could be let go"))
    return found


def policy(values: Values) -> Policy:
    """Return the renewal policy of the keys."""
    return policy_of(values, ACCESS_KEY_LIFE)


def account(values: Values) -> Account:
    return Account(values["user"], values["owner"], keys_only=bool(values.get("keysOnly")))


def rights(values: Values) -> Mapping[str, Any]:
    """Return the IAM policy document of the keys."""
    return access_policy(values["bucket"], values.get("prefix") or "")


def generation(values: Values) -> int:
    """Return the generation of the user, from 1."""
    return int(values.get("generation") or 1)


COMPUTED: Final = ("accessKey", "secretKey", "current", "retiring", "nextAction", "reason")
"""Outputs that change when a key is minted."""

_OUTPUTS: Final = (*COMPUTED, "pendingRevocations", "foreign", "drift", "schemaVersion")


def record(
    state: TokenState, inputs: Values, before: Values, foreign: Sequence[str], drift: Mapping[str, str]
) -> dict[str, Any]:
    """Return the outputs for recorded keys; values that only minting changes are copied.

    Args:
        state: The recorded keys.
        inputs: The inputs, which determine the next action.
        before: The previous outputs.
        foreign: Ids of keys that were created by hand.
        drift: Differences from the declaration.
    """
    secret = before.get("secretKey")
    return {
        "accessKey": before.get("accessKey"),
        "secretKey": Secret(secret) if secret is not None else None,
        **rotation(state, policy(inputs)),
        "reason": before.get("reason"),
        "foreign": sorted(foreign),
        "drift": dict(drift),
    }


def kept(state: Values) -> dict[str, Any]:
    """Return the recorded outputs, with the secret one marked as secret."""
    outputs = {name: state.get(name) for name in _OUTPUTS}
    if outputs["secretKey"] is not None:
        outputs["secretKey"] = Secret(outputs["secretKey"])
    return outputs


def unknown(reason: str | None, state: Values | None = None) -> dict[str, Any]:
    """Return the outputs of a preview that would mint a key: only the reason is known."""
    before = state or {}
    return {
        **dict.fromkeys(COMPUTED, UNKNOWN),
        "secretKey": Secret(UNKNOWN),
        "pendingRevocations": before.get("pendingRevocations") or [],
        "reason": reason,
        "foreign": before.get("foreign") or [],
        "drift": {},
        "schemaVersion": SCHEMA_VERSION,
    }
