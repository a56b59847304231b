"""An S3Credentials' inputs: what is wrong with them, and what they come to."""

import re
from collections.abc import Mapping
from typing import Any, Final

from ambient_components.provider import token_inputs
from ambient_components.provider.resource import Values
from ambient_components.provider.store.accounts import Account
from ambient_components.provider.token_inputs import known, policy
from ambient_components.provider.wire import UNKNOWN
from ambient_components.rules.bucket_names import bucket_name_problem
from ambient_components.rules.lifetimes import misfit
from ambient_components.storage import access_policy

LIFETIME_MIN: Final = 86_400
"""Seconds: sessions keep the key that they were started with, so a day is the least."""
LIFETIME_MAX: Final = 31_536_000
"""Seconds, 365 days; the longest that MinIO gives."""

_REQUIRED: Final = ("user", "bucket", "owner")
_FLAGS: Final = ("never", "manual", "keysOnly", "incomplete", "released")
_LIFE: Final = f"whole seconds from {LIFETIME_MIN} (1d) to {LIFETIME_MAX} (1y)"
_USER: Final = re.compile(r"[a-z0-9][-a-z0-9]{0,62}[a-z0-9]")
_USED_IN: Final = re.compile(r"[^/\s]+/[^/\s]+")


def problems(olds: Values, news: Values) -> list[str]:
    """What no store would take, and what has no meaning; all at once.

    Args:
        olds: of the last deployment.
        news: as they are asked for, unknown ones included.
    """
    found = token_inputs.shapes(news, _REQUIRED, _FLAGS)
    bucket, user, prefix, used = (news.get(name) for name in ("bucket", "user", "prefix", "usedIn"))
    if isinstance(bucket, str) and bucket and (problem := bucket_name_problem(bucket)):
        found.append(f"bucket {bucket!r} {problem[0]}; {problem[1]}")
    if isinstance(user, str) and user and not _USER.fullmatch(user):
        found.append(f"user {user!r} is no name for a store's user; allowed: 2-64 of a-z 0-9 -, no dash at the ends")
    if prefix not in (None, "", UNKNOWN) and not (isinstance(prefix, str) and prefix.endswith("/") and prefix != "/"):
        found.append("prefix: text with a slash at its end is expected, such as payments/")
    if used not in (None, UNKNOWN) and not (isinstance(used, str) and _USED_IN.fullmatch(used)):
        found.append("usedIn: NAMESPACE/SECRET is expected")
    found += token_inputs.life(news, LIFETIME_MIN, LIFETIME_MAX, _LIFE)
    if news.get("released") and not olds:
        found.append("released: there is no access key yet that could be let go")
    if not found and known(news) and (wrong := misfit(policy(news))):
        found.append("; ".join(wrong))
    return found


def account(values: Values) -> Account:
    """Whose keys."""
    return Account(values["user"], values["owner"], keys_only=bool(values.get("keysOnly")))


def rights(values: Values) -> Mapping[str, Any]:
    """What they open, as an IAM policy document."""
    return access_policy(values["bucket"], values.get("prefix") or "")


def generation(values: Values) -> int:
    """Of the user, from 1."""
    return int(values.get("generation") or 1)
