"""Checks of an S3Credentials' inputs, and the values derived from them."""

import re
from collections.abc import Mapping
from typing import Any, Final

from ambient_components.errors import Problem, refusal
from ambient_components.provider.protocol.resource import Values
from ambient_components.provider.protocol.wire import UNKNOWN
from ambient_components.provider.store.accounts import Account
from ambient_components.provider.tokens.inputs import known, life_missing, required, told, without_unknown
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
    found = [*required(news, _REQUIRED), *told(kind_findings(given, OWN))]
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
    found += [*life_missing(news), *told(credential_findings(given, complete=known(news), of_sessions=False))]
    if news.get("released") and not olds:
        found.append(refusal("released: there is no access key yet that could be let go"))
    return found


def policy(values: Values) -> Policy:
    """Return the renewal policy of the keys."""
    return policy_of(values, ACCESS_KEY_LIFE)


def account(values: Values) -> Account:
    """Return the account of the keys."""
    return Account(values["user"], values["owner"], keys_only=bool(values.get("keysOnly")))


def rights(values: Values) -> Mapping[str, Any]:
    """Return the IAM policy document of the keys."""
    return access_policy(values["bucket"], values.get("prefix") or "")


def generation(values: Values) -> int:
    """Return the generation of the user, from 1."""
    return int(values.get("generation") or 1)
