"""Best practices as advice, as far as the state can tell.

The state does not record what a key was used for, so it can't tell whether an edit or admin key only reads. It does
have a key's last use if a refresh has read it from the cluster.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ambient_components.access.entries import Entry, read_ledger
from ambient_components.engine import urns
from ambient_components.platform.contract import (
    APP_LABEL,
    CREATED_AT_ANNOTATION,
    DESCRIPTION_ANNOTATION,
    KEY_APP,
    KEY_NAME_ANNOTATION,
    LAST_USED_AT_ANNOTATION,
    OPENSHIFT_DESCRIPTION_ANNOTATION,
    OPENSHIFT_DISPLAY_NAME_ANNOTATION,
    ROLE_ANNOTATION,
)
from ambient_components.rotation.state import parse_time

IDLE: Final = timedelta(days=90)
"""The default period after which an unused key is reported."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a stack, as provided by the engine."""

    type: str
    props: Mapping[str, Any]
    urn: str = ""


@dataclass(frozen=True, slots=True)
class Advised:
    text: str
    urn: str = ""
    """The URN of the resource. Empty for the stack."""


@dataclass(frozen=True, slots=True)
class Given:
    resources: tuple[Resource, ...]
    now: datetime
    idle: timedelta = IDLE

    def of_type(self, kind: str) -> Iterator[Resource]:
        return (one for one in self.resources if one.type == kind)

    def active(self) -> Iterator[tuple[str, Entry, str]]:
        """Yield name, entry and ledger URN of each active workspace."""
        for ledger in self.of_type(urns.ACCESS_LEDGER):
            for name, entry in sorted(read_ledger(ledger.props.get("workspaces")).items()):
                if entry.is_active:
                    yield name, entry, ledger.urn


Rule = Callable[[Given], Iterator[Advised]]
"""A pure function from a stack to advice."""


def unguarded(resources: Iterable[Resource]) -> bool:
    """Tell whether workspaces are declared without a ledger, so that no guardrail was evaluated."""
    found = {one.type for one in resources}
    return urns.WORKSPACE in found and urns.ACCESS_LEDGER not in found


def idle_timeout(given: Given) -> Iterator[Advised]:
    """Yield workspaces that set no idle timeout or never stop idle sessions."""
    seconds = {
        str(one.props.get("namespace")): one.props.get("inactivityTimeoutSeconds")
        for one in given.of_type(urns.PROJECT_SETTINGS)
    }
    for name, _, urn in given.active():
        if seconds.get(name) is None:
            yield Advised(f"workspace {name!r}: no idleTimeout: a forgotten session runs for the platform's 24h", urn)
        elif seconds[name] == 0:
            yield Advised(f"workspace {name!r}: idleTimeout: never: a forgotten session holds its pod for ever", urn)


def described(given: Given) -> Iterator[Advised]:
    """Yield keys without a description, and on OpenShift workspaces without a display name or a description."""
    for one in given.of_type(urns.NAMESPACE):
        metadata = one.props.get("metadata") or {}
        notes = metadata.get("annotations") or {}
        shown = notes.get(OPENSHIFT_DISPLAY_NAME_ANNOTATION)
        if shown is None:  # not OpenShift, or not a workspace
            continue
        missing = ["displayName"] if shown == metadata.get("name") else []
        missing += [] if notes.get(OPENSHIFT_DESCRIPTION_ANNOTATION) else ["description"]
        if missing:
            yield Advised(f"workspace {metadata.get('name')!r}: no {' and no '.join(missing)}", one.urn)
    for subject, notes, urn in _keys(given):
        if not notes.get(DESCRIPTION_ANNOTATION):
            yield Advised(f"{subject}: no description: who finds it in a log can't tell what it is for", urn)


def non_expiring_keys(given: Given) -> Iterator[Advised]:
    """Yield keys that never expire, with or without an exception."""
    for name, entry, urn in given.active():
        for key_id, key in sorted(entry.keys.items()):
            if key.static or key.never:
                how = "every session can read it, and it never expires" if key.static else "it never expires"
                yield Advised(f"workspace {name!r}: key {key_id!r}: {how}: leave lifetime out for 90d", urn)


def unused_keys(given: Given) -> Iterator[Advised]:
    """Yield keys of which no use was seen for a long time, according to the last refresh.

    None is called unused: the platform's backend records requests to itself, and none to the Kubernetes API.
    """
    for subject, notes, urn in _keys(given):
        used, made = notes.get(LAST_USED_AT_ANNOTATION), notes.get(CREATED_AT_ANNOTATION)
        since = _time(used or made)
        if since is None or given.now - since < given.idle:
            continue
        days = (given.now - since).days
        power = notes.get(ROLE_ANNOTATION)
        what = (
            f"no use seen for {days} days"
            if used
            else f"made {days} days ago, and no use of it was seen (`pulumi refresh` reads the last one)"
        )
        hint = f", and may {power}" if power in ("edit", "admin") else ""
        ask = "ask its users whether they need it, as the platform does not see requests to the Kubernetes API"
        yield Advised(f"{subject}: {what}{hint}: {ask}", urn)


def _keys(given: Given) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Yield each key's name for messages, its ServiceAccount's annotations and its URN."""
    for one in given.of_type(urns.SERVICE_ACCOUNT):
        metadata = one.props.get("metadata") or {}
        if (metadata.get("labels") or {}).get(APP_LABEL) != KEY_APP:
            continue
        times = {
            LAST_USED_AT_ANNOTATION: one.props.get("lastUsedAt"),
            CREATED_AT_ANNOTATION: one.props.get("createdAt"),
        }
        notes = {**(metadata.get("annotations") or {}), **times}
        name = notes.get(KEY_NAME_ANNOTATION) or metadata.get("name")
        yield f"workspace {metadata.get('namespace')!r}: key {name!r}", notes, one.urn


def _time(text: Any) -> datetime | None:
    try:
        return parse_time(str(text)) if text else None
    except (ValueError, OverflowError):  # anyone who may write the ServiceAccount may write this
        return None


ADVICE: Final[Mapping[str, tuple[str, Rule]]] = {
    "idleTimeout": ("A workspace should set an idle timeout for sessions.", idle_timeout),
    "described": ("A key, and on OpenShift a workspace, should have a description.", described),
    "nonExpiringKeys": ("A key should expire.", non_expiring_keys),
    "unusedKeys": ("A key of which no use is seen should be reviewed with its users.", unused_keys),
}
"""Description and rule by policy name."""
