"""What a Workspace's arguments may be: the rules of the stack file's checks that a library user could break as well."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ambient_components import naming
from ambient_components.access.entries import ACTIVE, STATES
from ambient_components.closing import WAIT_MAX, WAYS
from ambient_components.components.bucket_rules import bucket_problems
from ambient_components.contract import (
    KEY_DESCRIPTION_MAX,
    KEY_NAME_MAX,
    PLATFORM_NAMESPACE_DEFAULT,
    POD_SECURITY_LEVELS,
    ROLES,
    RUNNER_SECRET_KEYS,
    TOKEN_LIFETIME_DEFAULT,
    TOKEN_LIFETIME_MAX,
    TOKEN_LIFETIME_MIN,
    Role,
)
from ambient_components.keys import NEVER, Policy, misfit
from ambient_components.labels import annotations_problem, key_problem, label_value_problem
from ambient_components.never_sources import namespace_problem
from ambient_components.quantities import parse_quantity
from ambient_components.subjects import SubjectKind, parse_subject
from ambient_components.suggest import allowed_words
from ambient_components.variables import variable_problem


def check_args(name: str, args: Mapping[str, Any]) -> None:
    """Refuses what the platform would refuse, and two declarations that would meet in one object.

    Raises:
        ValueError: with every problem, one a line.
    """
    platform = args.get("platformNamespace") or PLATFORM_NAMESPACE_DEFAULT
    problems = [
        *_workspace(name, args),
        *_owners(args),
        *_grants(args),
        *_notes(args),
        *_limits(args),
        *_bucket(name, args),
        *(problem for key_id, key in (args.get("keys") or {}).items() for problem in _key(key_id, key, platform)),
    ]
    if problems:
        raise ValueError("\n".join(f"workspace {name!r}: {problem}" for problem in problems))


def _workspace(name: str, args: Mapping[str, Any]) -> Iterator[str]:
    if problem := naming.workspace_name_problem(args.get("namespace") or name):
        yield problem
    state = args.get("state") or ACTIVE
    if state not in STATES:
        yield f"state {state!r}; {allowed_words(str(state), STATES)}"
    if (level := args.get("podSecurity")) not in (None, *POD_SECURITY_LEVELS):
        yield f"podSecurity {level!r}; {allowed_words(str(level), POD_SECURITY_LEVELS)}"
    yield from _on_close(args.get("onClose") or {})
    for key in args.get("runnerSecrets") or ():
        if key not in RUNNER_SECRET_KEYS:
            yield f"runnerSecrets: {key!r} is not taken by the platform; {allowed_words(str(key), RUNNER_SECRET_KEYS)}"
    for key in args.get("integrationSecrets") or ():
        if wrong := variable_problem(key):
            yield f"integrationSecrets: {key!r} {'; '.join(wrong)}"


def _on_close(given: Mapping[str, Any]) -> Iterator[str]:
    if (way := given.get("sessions")) not in (None, *WAYS):
        yield f"onClose: sessions {way!r}; {allowed_words(str(way), WAYS)}"
    if (seconds := given.get("waitSeconds")) is not None and not 1 <= seconds <= WAIT_MAX:
        yield f"onClose: waitSeconds {seconds}; allowed: 1 to {WAIT_MAX}"


def _notes(args: Mapping[str, Any]) -> Iterator[str]:
    """Labels and annotations of the namespace."""
    for field in ("labels", "annotations"):
        for key in args.get(field) or ():
            if problem := key_problem(key):
                yield f"{field}: {'; '.join(problem)}"
    for value in (args.get("labels") or {}).values():
        if problem := label_value_problem(value):
            yield f"labels: {'; '.join(problem)}"
    if problem := annotations_problem(args.get("annotations") or {}):
        yield f"annotations: {'; '.join(problem)}"


def _limits(args: Mapping[str, Any]) -> Iterator[str]:
    limits = args.get("limits") or {}
    amounts = {"quota": limits.get("quota") or {}}
    amounts |= {f"containers.{name}": given for name, given in (limits.get("containers") or {}).items()}
    for field, given in amounts.items():
        for resource, amount in given.items():
            try:
                parse_quantity(amount)
            except ValueError as error:
                yield f"limits: {field}: {resource}: {error}"
    for peer in (limits.get("network") or {}).get("allow") or ():
        if (peer.get("cidr") is None) == (peer.get("namespace") is None):
            yield "limits: network: allow: exactly one of cidr and namespace is expected"


def _bucket(name: str, args: Mapping[str, Any]) -> Iterator[str]:
    if not args.get("bucket"):
        return
    whole = {**args["bucket"], "workspace": args.get("namespace") or name, "workspaceState": args.get("state")}
    yield from (f"bucket: {problem}" for problem in bucket_problems(whole))
    if (args.get("onDrift") or {}).get("integrations") == "keep":
        # A save in the UI drops what sessions need to reach the bucket, and their state would be lost unseen.
        yield "onDrift: integrations: keep, and the bucket's credentials lie in the same Secret"


def _owners(args: Mapping[str, Any]) -> Iterator[str]:
    yield from _named("owners", args.get("owners") or (), str, _owner_name)


def _grants(args: Mapping[str, Any]) -> Iterator[str]:
    grants = args.get("grants") or ()
    yield from _named("grants", grants, lambda grant: str(grant["subject"]), _grant_name)
    seen: set[str] = set()
    for grant in grants:
        subject = str(grant["subject"])
        if subject.lower() in seen:
            yield f"grants: {subject} is here twice; a subject has one grant"
        seen.add(subject.lower())


def _owner_name(owner: str) -> str:
    return naming.owner_binding(parse_subject(owner))


def _grant_name(grant: Mapping[str, Any]) -> str:
    subject = parse_subject(grant["subject"])
    if subject.kind is SubjectKind.SERVICE_ACCOUNT:
        msg = f"{subject}: the platform grants to users and groups only; for a program declare a key"
        raise ValueError(msg)
    return naming.grant_binding(role_of(grant.get("role") or Role.VIEW), subject)


def role_of(text: str) -> Role:
    """The role of this name.

    Raises:
        ValueError: it is none.
    """
    if text not in ROLES:
        msg = f"{text!r} is not a role; {allowed_words(str(text), ROLES)}"
        raise ValueError(msg)
    return Role(text)


def _key(key_id: str, key: Mapping[str, Any], platform: str) -> Iterator[str]:
    if problem := naming.key_id_problem(key_id):
        yield problem
    if (role := key.get("role") or Role.EDIT) not in ROLES:
        yield f"keys: {key_id}: {role!r} is not a role; {allowed_words(str(role), ROLES)}"
    yield from _life(key_id, key)
    if (generation := key.get("generation")) is not None and generation < 1:
        yield f"keys: {key_id}: generation {generation}; allowed: 1 or a higher number"
    for field, most in (("name", KEY_NAME_MAX), ("description", KEY_DESCRIPTION_MAX)):
        if len(key.get(field) or "") > most:
            yield f"keys: {key_id}: {field} is longer than {most} characters"
    if (target := key.get("deliver")) and (wrong := namespace_problem(str(target.get("namespace")), platform)):
        yield f"keys: {key_id}: deliver: {'; '.join(wrong)}"


def _life(key_id: str, key: Mapping[str, Any]) -> Iterator[str]:
    """What the cluster would not grant, times that don't go together, and where a key may not lie."""
    life, endless = key.get("lifetimeSeconds"), bool(key.get("never") or key.get("static"))
    if endless and life is not None:
        yield f"keys: {key_id}: lifetimeSeconds of a key that never expires"
    elif life is not None and not TOKEN_LIFETIME_MIN <= life <= TOKEN_LIFETIME_MAX:
        yield f"keys: {key_id}: lifetimeSeconds {life}; allowed: {TOKEN_LIFETIME_MIN} to {TOKEN_LIFETIME_MAX}"
    else:
        policy = Policy.of(
            NEVER if endless else life or TOKEN_LIFETIME_DEFAULT,
            key.get("rotateBeforeSeconds"),
            key.get("overlapSeconds"),
            key.get("runEverySeconds") or 0,
            manual=key.get("manual"),
            static=bool(key.get("static")),
        )
        if wrong := misfit(policy):
            yield f"keys: {key_id}: {'; '.join(wrong)}"
    if endless and key.get("role") == Role.ADMIN:
        yield f"keys: {key_id}: a key of role admin that never expires"
    if (retain := key.get("retain")) not in (None, "state", "none"):
        yield f"keys: {key_id}: retain {retain!r}; {allowed_words(str(retain), ('state', 'none'))}"
    elif retain == "none" and not key.get("deliver"):
        yield f"keys: {key_id}: retain none without deliver"


def _named(
    field: str, items: Iterable[Any], subject_of: Callable[[Any], str], name_of: Callable[[Any], str]
) -> Iterator[str]:
    """Object names that can't be made, and those that two subjects would share."""
    seen: dict[str, str] = {}
    for item in items:
        subject = subject_of(item)
        try:
            object_name = name_of(item)
        except ValueError as error:
            yield f"{field}: {error}"
            continue
        if object_name in seen and seen[object_name] != subject:
            yield f"{field}: {seen[object_name]} and {subject} would both be kept in an object called {object_name}"
        seen[object_name] = subject
