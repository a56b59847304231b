"""What a step of a preview would make, as a digest: two that are called the same may make something else.

Of a secret's value there is nothing in it, not even a digest: a short one could be guessed.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

Step = Mapping[str, Any]

_HIDDEN: Final = "[secret]"
"""What the engine prints for a secret."""

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  # how Pulumi marks one in a state
_PARTS: Final = ("inputs", "parent", "provider", "protect", "retainOnDelete", "deletedWith", "external", "importID")
"""Of a resource as it will be. What it was is in the state."""

_AUTONAMED: Final = "pulumi.com/autonamed"
_DEFAULTS: Final = "__defaults"


def content(step: Step, names: Mapping[str, str]) -> str:
    """The digest of what a step makes. Two previews of the same files at the same clock have the same.

    Args:
        step: of a preview.
        names: see `chosen_names`.
    """
    new = step.get("newState") or {}
    parts = [name for name in _PARTS if new.get(name)] + (["id"] if str(step["op"]).startswith("import") else [])
    made = {name: _seen(new.get(name), names) for name in parts}
    text = json.dumps([step["op"], step["urn"], made], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def chosen_names(steps: Iterable[Step]) -> dict[str, str]:
    """Names that a plugin makes up where the program gives none, each with the place it is for.

    They are others at each preview, and other resources may refer to them.
    """
    found: dict[str, str] = {}
    for step in steps:
        urn = str(step["urn"])
        inputs = (step.get("newState") or {}).get("inputs") or {}
        logical = urn.split("::", 3)[-1]
        given = {str(field): inputs.get(field) for field in inputs.get(_DEFAULTS) or ()}
        metadata = inputs.get("metadata")
        if isinstance(metadata, Mapping) and _AUTONAMED in (metadata.get("annotations") or {}):
            given["metadata.name"] = metadata.get("name")
        made_up = re.compile(rf"{re.escape(logical)}-[0-9a-f]{{4,}}")
        found |= {
            name: f"{urn} {field}" for field, name in given.items() if isinstance(name, str) and made_up.fullmatch(name)
        }
    return found


def _seen(value: Any, names: Mapping[str, str]) -> Any:
    """A value without secrets, and without names that are made up."""
    if isinstance(value, Mapping):
        if value.get(_SIGNATURE) == _SECRET:
            return _HIDDEN
        return {key: _seen(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_seen(item, names) for item in value]
    if isinstance(value, str):
        for name, place in names.items():
            value = value.replace(name, place)
    return value
