"""Digests of what a preview's steps would create. Two steps with the same name can create different things.

Secret values are left out. Even a digest of a short secret could be guessed.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ambient_components.engine.secrets import is_secret
from ambient_components.engine.steps import IMPORTS, Step

_HIDDEN: Final = "[secret]"
"""The engine's placeholder for a secret."""

_PARTS: Final = ("inputs", "parent", "provider", "protect", "retainOnDelete", "deletedWith", "external", "importID")
"""The digested fields of the planned resource. The state has the previous ones."""

_AUTONAMED: Final = "pulumi.com/autonamed"
_DEFAULTS: Final = "__defaults"


def content(step: Step, names: Mapping[str, str]) -> str:
    """Return the digest of what a step creates. Previews of the same files at the same clock give equal digests.

    Args:
        step: A step of a preview.
        names: See `chosen_names`.
    """
    parts = [name for name in _PARTS if step.planned.get(name)] + (["id"] if step.op in IMPORTS else [])
    made = {name: _seen(step.planned.get(name), names) for name in parts}
    text = json.dumps([step.op, str(step.urn), made], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def chosen_names(steps: Iterable[Step]) -> dict[str, str]:
    """Return the names that a plugin generated, each with the place that it is for.

    They differ in each preview, and other resources may refer to them.
    """
    found: dict[str, str] = {}
    for step in steps:
        inputs = step.new.inputs if step.new is not None else {}
        given = {str(field): inputs.get(field) for field in inputs.get(_DEFAULTS) or ()}
        metadata = inputs.get("metadata")
        if isinstance(metadata, Mapping) and _AUTONAMED in (metadata.get("annotations") or {}):
            given["metadata.name"] = metadata.get("name")
        made_up = re.compile(rf"{re.escape(step.name)}-[0-9a-f]{{4,}}")
        found |= {
            name: f"{step.urn} {field}"
            for field, name in given.items()
            if isinstance(name, str) and made_up.fullmatch(name)
        }
    return found


def _seen(value: Any, names: Mapping[str, str]) -> Any:
    """Return a value without secrets and without generated names."""
    if is_secret(value):
        return _HIDDEN
    if isinstance(value, Mapping):
        return {key: _seen(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_seen(item, names) for item in value]
    if isinstance(value, str):
        for name, place in names.items():
            value = value.replace(name, place)
    return value
