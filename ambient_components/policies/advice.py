"""Best practices, as advice: only what the state can tell.

It can't tell whether an edit or admin key only reads: nothing records what a key was used for. It can tell when one was
last used, where a refresh has read that from the cluster.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ambient_components.access.entries import Entry, read_ledger
from ambient_components.contract import (
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
from ambient_components.engine import types
from ambient_components.keys.state import parse_time

IDLE: Final = timedelta(days=90)
"""A key that was not used for so long is said to be unused, where the configuration says nothing else."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a stack, as the engine hands it out."""

    type: str
    props: Mapping[str, Any]
    urn: str = ""


@dataclass(frozen=True, slots=True)
class Advised:
    """One thing that could be better."""

    text: str
    urn: str = ""
    """Of the resource that it is about; empty for the stack."""


@dataclass(frozen=True, slots=True)
class Given:
    """What advice is given on."""

    resources: tuple[Resource, ...]
    now: datetime
    idle: timedelta = IDLE

    def of_type(self, kind: str) -> Iterator[Resource]:
        """Resources of a type."""
        return (one for one in self.resources if one.type == kind)

    def active(self) -> Iterator[tuple[str, Entry, str]]:
        """Name and entry of each workspace in use, and the URN of the ledger that has it."""
        for ledger in self.of_type(types.ACCESS_LEDGER):
            for name, entry in sorted(read_ledger(ledger.props.get("workspaces")).items()):
                if entry.is_active:
                    yield name, entry, ledger.urn


Rule = Callable[[Given], Iterator[Advised]]
"""A pure function from a stack to advice."""


def unguarded(resources: Iterable[Resource]) -> bool:
    """Whether workspaces are declared without a ledger: then no rail has judged them."""
    found = {one.type for one in resources}
    return types.WORKSPACE in found and types.ACCESS_LEDGER not in found


def idle_timeout(given: Given) -> Iterator[Advised]:
    """Workspaces that say nothing of idle sessions, or never stop them."""
    seconds = {
        str(one.props.get("namespace")): one.props.get("inactivityTimeoutSeconds")
        for one in given.of_type(types.PROJECT_SETTINGS)
    }
    for name, _, urn in given.active():
        if seconds.get(name) is None:
            yield Advised(f"workspace {name!r}: no idleTimeout: a forgotten session runs for the platform's 24h", urn)
        elif seconds[name] == 0:
            yield Advised(f"workspace {name!r}: idleTimeout: never: a forgotten session holds its pod for ever", urn)


def described(given: Given) -> Iterator[Advised]:
    """Keys of which nobody says what they are for; on OpenShift also workspaces, whose names are nowhere else."""
    for one in given.of_type(types.NAMESPACE):
        metadata = one.props.get("metadata") or {}
        notes = metadata.get("annotations") or {}
        shown = notes.get(OPENSHIFT_DISPLAY_NAME_ANNOTATION)
        if shown is None:  # another cluster, or no workspace
            continue
        missing = ["displayName"] if shown == metadata.get("name") else []
        missing += [] if notes.get(OPENSHIFT_DESCRIPTION_ANNOTATION) else ["description"]
        if missing:
            yield Advised(f"workspace {metadata.get('name')!r}: no {' and no '.join(missing)}", one.urn)
    for whose, notes, urn in _keys(given):
        if not notes.get(DESCRIPTION_ANNOTATION):
            yield Advised(f"{whose}: no description: who finds it in a log can't tell what it is for", urn)


def endless_keys(given: Given) -> Iterator[Advised]:
    """Keys that never expire, allowed or not."""
    for name, entry, urn in given.active():
        for key_id, key in sorted(entry.keys.items()):
            if key.static or key.never:
                how = "every session can read it, and it never expires" if key.static else "it never expires"
                yield Advised(f"workspace {name!r}: key {key_id!r}: {how}: leave lifetime out for 90d", urn)


def unused_keys(given: Given) -> Iterator[Advised]:
    """Keys that nobody has used for long, as far as the last refresh read it from the cluster."""
    for whose, notes, urn in _keys(given):
        used, made = notes.get(LAST_USED_AT_ANNOTATION), notes.get(CREATED_AT_ANNOTATION)
        since = _time(used or made)
        if since is None or given.now - since < given.idle:
            continue
        days = (given.now - since).days
        power = notes.get(ROLE_ANNOTATION)
        what = (
            f"not used for {days} days"
            if used
            else f"made {days} days ago, and no use of it is known; `pulumi refresh` reads the last one"
        )
        hint = f", and may {power}" if power in ("edit", "admin") else ""
        yield Advised(f"{whose}: {what}{hint}: ambient keys revoke, if nobody needs it", urn)


def _keys(given: Given) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """What to call each key, its ServiceAccount's annotations and its URN."""
    for one in given.of_type(types.SERVICE_ACCOUNT):
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
    except (ValueError, OverflowError):  # whoever may write the ServiceAccount may write this
        return None


ADVICE: Final[Mapping[str, tuple[str, Rule]]] = {
    "idleTimeout": ("A workspace should say when idle sessions end.", idle_timeout),
    "described": ("A key, and a workspace on OpenShift, should say what it is for.", described),
    "endlessKeys": ("A key should expire.", endless_keys),
    "unusedKeys": ("A key that nobody uses should go.", unused_keys),
}
"""What is wanted, and the rule, by name."""
