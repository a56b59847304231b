"""Rules for API keys: lifetimes, storage and delivery of their tokens, and allowed combinations."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, NotRequired, TypedDict, cast

from ambient_components.platform.contract import KEY_DESCRIPTION_MAX, KEY_NAME_MAX, Role
from ambient_components.platform.naming import (
    PLATFORM_GENERATION,
    key_account,
    key_account_problem,
    user_id_problem,
)
from ambient_components.rules.arguments import Argument, generation_findings, kind_findings
from ambient_components.rules.findings import Finding, Path, Verdict, verdict_finding
from ambient_components.rules.forbidden_sources import namespace_problem
from ambient_components.rules.renewals import (
    TOKEN_LIFE,
    RenewalTerms,
    is_endless,
    passed_on,
    renewal_arguments,
    renewal_findings,
)
from ambient_components.suggest import allowed_words


class Retain(StrEnum):
    """Where a key's token is stored."""

    STATE = "state"
    """In the stack's state and outputs, encrypted."""

    NONE = "none"
    """Only in the Secret that it is delivered to."""


class DeliverySpec(TypedDict):
    """The Secret that a key is delivered to."""

    namespace: str
    """An existing namespace that is not a workspace."""

    name: str

    key: str
    """Key of the token in the Secret; during an overlap, the previous token has the prefix ``previous-``."""


class TokenTerms(RenewalTerms):
    """Arguments for a key's tokens, which the component passes to the plugin; see `TOKEN_TERMS`."""

    static: NotRequired[bool]
    warnAheadSeconds: NotRequired[int]  # noqa: N815  # Pulumi's own spelling of arguments
    retain: NotRequired[str]
    deliver: NotRequired[DeliverySpec]


TOKEN_TERMS: Final[Mapping[str, Argument]] = {
    **renewal_arguments(TOKEN_LIFE, end="expiry", endless="The token does not expire"),
    "static": Argument(bool, "The token is stored in its token Secret in the workspace."),
    "warnAheadSeconds": Argument(int, "How early runs announce the end of a token without renewal. Default: 14 days."),
    "retain": Argument(str, "state (default), or none: the token is only in the delivery Secret."),
}
"""The arguments of `TokenTerms`, except `deliver`, which is a mapping."""

FLAGS: Final = tuple(
    name for name, one in TOKEN_TERMS.items() if one.kind is bool and name not in RenewalTerms.__annotations__
)
"""Boolean arguments of a key. The stack file, the components, the ledger and the plugin use the same names, and a plan
shows their changes.
"""


def token_terms(given: Mapping[str, Any]) -> TokenTerms:
    """Return the token arguments among a key's arguments."""
    return cast("TokenTerms", passed_on(given, (*TOKEN_TERMS, "deliver"), TOKEN_LIFE))


def is_of_platform(key: Mapping[str, Any], generation: int) -> bool:
    """Return whether the platform made the identity of a generation.

    Args:
        key: The arguments of the component.
    """
    return key.get("serviceAccount") is not None and generation == PLATFORM_GENERATION


def platform_findings(key: Mapping[str, Any], key_id: str, workspace: str) -> Iterator[Finding]:
    """Find problems of a key with `serviceAccount`.

    Args:
        key: The arguments of the component.
        workspace: The key's namespace.
    """
    account, generation = key.get("serviceAccount"), key.get("generation") or 1
    if account is None:
        return
    if not isinstance(account, str):
        yield Finding(("serviceAccount",), "text is expected, known before the update", "")
        return
    yield from verdict_finding(("serviceAccount",), key_account_problem(account))
    if account in {key_account(workspace, key_id, one) for one in range(1, generation + 1)}:
        yield Finding(
            ("serviceAccount",),
            f"{account!r} is an account that this project makes for the key, not the platform",
            ("remove serviceAccount", f"if a state was lost, write adopt: [{account}]"),
        )
    for field in _OF_TOKENS if is_of_platform(key, generation) else ():
        if key.get(field):
            problem = f"has no effect on generation {generation}, as the platform issued its tokens"
            yield Finding((field,), problem, f"write it with generation: {PLATFORM_GENERATION + 1}, the first rotation")


def shared_account_findings(keys: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Find keys of a workspace with one `serviceAccount`, by their ids."""
    first: dict[object, str] = {}
    for key_id, key in keys.items():
        account = key.get("serviceAccount")
        if account is not None and (other := first.setdefault(account, key_id)) != key_id:
            problem = f"{account!r} is the account of key {other!r}"
            yield Finding((key_id, "serviceAccount"), problem, "declare each key once", (other, "serviceAccount"))


_OF_TOKENS: Final = ("static", "deliver", "adopt")
"""Arguments that would mislead for an identity that the platform made. Others wait for the first rotation."""


def acts_as_findings(key: Mapping[str, Any]) -> Iterator[Finding]:
    """Find an `actsAs` that is no user id, or that is about an identity with the platform's own annotation.

    Args:
        key: The arguments of the component.
    """
    user = key.get("actsAs")
    if user is None:
        return
    if not isinstance(user, str):
        yield Finding(("actsAs",), "text is expected, known before the update", "")
        return
    yield from verdict_finding(("actsAs",), user_id_problem(user))
    if is_of_platform(key, key.get("generation") or 1):
        problem = f"has no effect on generation {PLATFORM_GENERATION}: the platform named its user, who stays"
        yield Finding(("actsAs",), problem, f"write it with generation: {PLATFORM_GENERATION + 1}, the first rotation")


def key_findings(key: Mapping[str, Any], workspace: str, platform: str = "") -> Iterator[Finding]:
    """Find problems of a key's arguments.

    Args:
        key: The arguments of the component.
        workspace: The key's namespace.
        platform: The platform's namespace, if known.
    """
    yield from role_findings(("role",), key.get("role"))
    yield from acts_as_findings(key)
    for name, most in (("name", KEY_NAME_MAX), ("description", KEY_DESCRIPTION_MAX)):
        if len(key.get(name) or "") > most:
            yield Finding((name,), f"is longer than {most} characters", f"allowed: up to {most}")
    if is_endless(key):
        yield from verdict_finding((), endless_problem(key.get("role")))
    yield from token_findings(key, workspace, platform)


def token_findings(
    terms: Mapping[str, Any], workspace: str, platform: str = "", *, complete: bool = True
) -> Iterator[Finding]:
    """Find problems of the arguments for a key's tokens.

    Args:
        terms: The key's arguments, or the inputs of its tokens.
        workspace: The key's namespace.
        platform: The platform's namespace, if known.
        complete: Whether all times are known: in a preview some may be unknown.
    """
    wrong = [*kind_findings(terms, TOKEN_TERMS), *generation_findings(terms)]
    yield from wrong or (renewal_findings(terms, TOKEN_LIFE) if complete else ())
    target, retain = terms.get("deliver"), terms.get("retain")
    if retain is not None and retain not in tuple(Retain):
        yield Finding(("retain",), f"{retain!r} is not a place to keep a token", allowed_words(str(retain), Retain))
    else:
        yield from verdict_finding(("retain",), retain_problem(retain, delivered=target is not None))
    if target is None:
        return
    parts = DeliverySpec.__annotations__
    if not isinstance(target, Mapping) or any(not isinstance(target.get(name), str) for name in parts):
        yield Finding(("deliver",), f"{', '.join(parts)} are expected, known before the update", "")
    else:
        here: Path = ("deliver", "namespace")
        yield from verdict_finding(here, delivery_problem(target["namespace"], workspace, platform))


def role_findings(path: Path, role: object) -> Iterator[Finding]:
    if role is not None and role not in tuple(Role):
        yield Finding(path, f"{role!r} is not a role", allowed_words(str(role), Role))


def endless_problem(role: object) -> Verdict:
    """Return problem and remedy if a key with this role must expire; None otherwise."""
    if role != Role.ADMIN:
        return None
    return (
        "is a key of role admin that never expires",
        "give it a lifetime, or another role: anyone who finds it could do anything here for ever",
    )


def retain_problem(retain: object, *, delivered: bool) -> Verdict:
    """Return problem and remedy if `retain` conflicts with the delivery; None otherwise."""
    if retain != Retain.NONE or delivered:
        return None
    return "is retained nowhere and delivered nowhere", "allowed: retain: none only beside deliver"


def delivery_problem(namespace: str, workspace: str, platform: str = "") -> Verdict:
    """Return problem and remedy if a key cannot be delivered to this namespace; None otherwise."""
    if verdict := namespace_problem(namespace, platform):
        return f"{verdict[0]}, where no key is delivered to", verdict[1]
    if namespace == workspace:
        return (
            "is the workspace itself, where every session could read the key",
            "name a namespace that is no workspace",
        )
    return None
