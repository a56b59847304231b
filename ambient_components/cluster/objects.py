"""Total functions that read cluster objects which other people can write.

The rule for all code that reads the cluster: **what a workspace user can write never stops a run.** People with the
role edit or admin in a workspace can write its Secrets, ConfigMaps, ServiceAccounts, RoleBindings and ProjectSettings,
with any labels, annotations, finalizers and sizes that the API server accepts. Therefore:

- Reading never raises because of an object's content. The functions here accept any JSON and return a value of the
  declared type. A field of another type counts as absent.
- A foreign or malformed object is skipped with a warning that names it. One object never hides another, and the objects
  of one workspace never affect what is done in another.
- What enters a message or Pulumi's state is bounded by `short`, `listing` and `plain`. The pages of a list are bounded
  by `cluster.client.Cluster.each`.

Only Namespaces, quotas and the platform's own namespace may refuse a run, because workspace users cannot write those.
"""

import base64
import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from ambient_components.engine.secrets import SIGNATURE_KEY, UNKNOWN
from ambient_components.platform.contract import KEY_GENERATION_ANNOTATION
from ambient_components.platform.subjects import kind_of_user
from ambient_components.printable import one_line

Json = Mapping[str, Any]
"""An object, or a part of one, as the API server returns it."""

_MAPPINGS: Final = (dict, Mapping)
"""dict first, which JSON has: the test for the abstract class takes ten times as long."""

SHOWN: Final = 10
"""Items of a list in a message."""
_LONGEST: Final = 300
"""Maximum characters of one name in a message. Declared names have up to 253 bytes, so they are never shortened."""
_DEEPEST: Final = 64
_PLAIN_DEPTH: Final = 12
"""Maximum depth of a value in the state. Protobuf reads 100 levels, and one level of JSON takes several."""
_PLAIN_ITEMS: Final = 500
_PLAIN_TEXT: Final = 20_000
_LEFT_OUT: Final = "(left out: too much to show)"
_GENERATION: Final = re.compile(r"[0-9]{1,9}")
_TOKENS: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]', re.DOTALL)

_RESERVED: Final = frozenset({SIGNATURE_KEY})
"""Pulumi's signature key. The engine reads a mapping with this key as a secret, an asset or a reference, and fails."""
_UNKNOWNS: Final = frozenset(
    {
        UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
"""Strings that the engine reads as values that are not known yet."""


# Values of any type.


def mapping(value: object) -> Json:
    return value if isinstance(value, _MAPPINGS) else {}


def mappings(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def text_at(value: object, *keys: str) -> str:
    for key in keys:
        value = mapping(value).get(key)
    return text(value)


def texts(value: object) -> dict[str, str]:
    """Return the string values of a mapping: labels, annotations, the data of a Secret or a ConfigMap."""
    return {key: item for key, item in mapping(value).items() if isinstance(key, str) and isinstance(item, str)}


def decoded(value: object) -> str | None:
    try:
        return base64.b64decode(text(value)).decode() or None
    except ValueError:
        return None


def token_claims(token: str | None) -> Json:
    """Return what a JWT says of itself, unverified; nothing of what is no JWT."""
    try:
        payload = (token or "").split(".")[1]
        return mapping(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
    except (IndexError, ValueError, RecursionError):
        return {}


# Metadata.


def metadata(item: object) -> Json:
    return mapping(mapping(item).get("metadata"))


def name(item: object) -> str:
    return text(metadata(item).get("name"))


def namespace(item: object) -> str:
    return text(metadata(item).get("namespace"))


def uid(item: object) -> str:
    return text(metadata(item).get("uid"))


def labels(item: object) -> dict[str, str]:
    return texts(metadata(item).get("labels"))


def annotations(item: object) -> dict[str, str]:
    return texts(metadata(item).get("annotations"))


def finalizers(item: object) -> tuple[str, ...]:
    names = metadata(item).get("finalizers")
    return tuple(filter(None, map(text, names))) if isinstance(names, list) else ()


def is_ending(item: object) -> bool:
    return bool(metadata(item).get("deletionTimestamp"))


def generation(item: object) -> int | None:
    """Return the key generation in an object's annotation; None if it is missing or malformed."""
    noted = annotations(item).get(KEY_GENERATION_ANNOTATION, "")
    return int(noted) if noted.isascii() and _GENERATION.fullmatch(noted) else None


# RoleBindings.


def role_ref(binding: object) -> str:
    reference = mapping(mapping(binding).get("roleRef"))
    return f"{text(reference.get('kind'))}/{text(reference.get('name'))}"


def subjects(binding: object) -> list[str]:
    """Return the subjects of a RoleBinding, in this project's notation.

    Kubernetes ignores the namespace of a user or a group, so the notation leaves it out.
    """
    return [_subject(item, namespace(binding)) for item in mappings(mapping(binding).get("subjects"))]


def _subject(subject: Json, own: str) -> str:
    kind, named = text(subject.get("kind")).lower(), text(subject.get("name"))
    if kind == "serviceaccount":
        return f"{kind}:{text(subject.get('namespace')) or own}:{named}"
    return f"{kind_of_user(named) if kind == 'user' else kind}:{named}"


# Sizes.


def short(value: str) -> str:
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}… ({len(value)} characters)"


def listing(items: Collection[str], total: int | None = None) -> str:
    """Return a list as one string: the first ten items, and the number of the others."""
    first = [short(item) for item, _ in zip(items, range(SHOWN), strict=False)]
    more = (len(items) if total is None else total) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")


def field_name(value: str) -> str:
    """Return a name as a key that Pulumi's state can hold: a Secret's key may equal Pulumi's signature key."""
    return f"_{value}" if value in _RESERVED else _utf8(short(value))


def plain(value: object) -> Any:
    """Return JSON that Pulumi's state can hold: bounded, and without Pulumi's reserved values.

    A part that is too deep, too long or not representable becomes a placeholder, so it still differs from the
    declaration.
    """
    return _plain(value, _PLAIN_DEPTH)


def observed(live: object, declared: object) -> Any:
    """Return a text or a mapping of texts from the cluster for Pulumi's state, which the engine prints unescaped.

    What equals the declaration is returned unchanged, whatever its characters. Anything else is escaped, and never
    becomes equal by that.
    """
    if live == declared:
        return declared
    if isinstance(live, Mapping):
        known = mapping(declared)
        return {field_name(str(name)): observed(item, known.get(name)) for name, item in live.items()}
    shown = plain(one_line(live) if isinstance(live, str) else live)
    return f"{shown} (escaped)" if shown == declared else shown


def _plain(value: object, depth: int) -> Any:
    if isinstance(value, Mapping):
        if depth == 0 or len(value) > _PLAIN_ITEMS:
            return _LEFT_OUT
        return {field_name(str(key)): _plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return _LEFT_OUT if depth == 0 or len(value) > _PLAIN_ITEMS else [_plain(item, depth - 1) for item in value]
    if isinstance(value, str):
        return _LEFT_OUT if len(value) > _PLAIN_TEXT or value in _UNKNOWNS else _utf8(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return value if abs(value) < 2**53 else _LEFT_OUT
    return _LEFT_OUT


def _utf8(value: str) -> str:
    return value.encode(errors="replace").decode()


def shallow(json_text: str) -> str:
    """Return a JSON text with everything below 64 levels replaced by null.

    The API server stores up to 10,000 levels in ProjectSettings and managedFields. Python's parser rejects a whole list
    for one such object.
    """
    kept: list[str] = []
    level = start = 0
    for token in _TOKENS.finditer(json_text):
        mark = token[0][0]
        if mark in "[{":
            level += 1
            if level == _DEEPEST + 1:
                kept += (json_text[start : token.start()], "null")
        elif mark in "]}":
            if level == _DEEPEST + 1:
                start = token.end()
            level -= 1
    return "".join((*kept, json_text[start:]))
