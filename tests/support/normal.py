"""Objects and answers without what differs from run to run: what recordings hold, and what today's are compared with.

Every value of a run (the workspace's name, a secret, a key's random digits) has a placeholder such as ``<workspace>``.
`Placeholders.hide` puts the placeholders in, `Placeholders.fill` puts the values of today's run back.
"""

import base64
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

NOW = "<now>"
UID = "<uid>"
UNKNOWN = "<unknown value>"
"""Stands for a value of a Secret that is neither a known secret nor in the stack file."""

_RUN = timedelta(minutes=10)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OF_ONE_RUN = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "ownerReferences")
_MANAGERS = ("ambient-components", "pulumi-kubernetes")
_OPERATOR = "ambient-operator"
_OPERATOR_MADE = "ambient-session-trigger"
_RANDOM = {
    "ServiceAccount": ("digits of key", re.compile(r"ambient-key-(.+)-([0-9a-f]{8})")),
    "Secret": ("digits of token of key", re.compile(r"ambient-key-(.+)-[0-9a-f]{8}-([0-9a-z]+)")),
}
"""Names that end in digits of one run, by kind."""


@dataclass(frozen=True)
class Placeholders:
    """The values of this run, by placeholder."""

    values: Mapping[str, str]
    now: datetime
    declared: str = ""
    """The stack file: what it has in plain text is no secret."""

    def hide(self, value: Any) -> Any:
        """Return JSON with placeholders in place of the values, in keys and texts."""
        # The longest first: one value can be part of another, as a workspace's name is of its namespaces'.
        values = sorted(self.values.items(), key=lambda item: -len(item[1]))

        def hidden(text: str) -> str:
            for placeholder, part in values:
                text = text.replace(part, placeholder)
            return _UID.sub(UID, _TIME.sub(self._time, text))

        return _changed(value, hidden)

    def fill(self, value: Any) -> Any:
        """Return JSON with the values of this run in place of the placeholders."""
        values = {**self.values, NOW: self.now.strftime("%Y-%m-%dT%H:%M:%SZ")}

        def filled(text: str) -> str:
            for placeholder, part in values.items():
                text = text.replace(placeholder, part)
            return text

        return _changed(value, filled)

    def conceal(self, data: Mapping[str, str]) -> dict[str, str]:
        """Return the values of a Secret: placeholders, what the stack file has in plain text, nothing else."""
        hidden = {name: self.hide(value) for name, value in data.items()}
        return {
            name: value if value in self.values or value in self.declared else UNKNOWN for name, value in hidden.items()
        }

    def _time(self, found: re.Match[str]) -> str:
        # A time of another day was not made by this run, so it is part of what is compared.
        return NOW if abs(datetime.fromisoformat(found[0]) - self.now) < _RUN else found[0]


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _changed(item, change) for key, item in value.items()}
    return [_changed(item, change) for item in value] if isinstance(value, list) else value


def random_parts(objects: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return the digits in the names of keys and of token Secrets, by placeholder, the oldest object first."""
    parts: dict[str, str] = {}
    count: Counter[str] = Counter()
    for item in sorted(objects, key=lambda item: (item["metadata"]["creationTimestamp"], item["metadata"]["name"])):
        what, pattern = _RANDOM.get(item["kind"], ("", None))
        if pattern and (found := pattern.fullmatch(item["metadata"]["name"])):
            name = f"{what} {found[1]}"
            count[name] += 1
            parts[f"<{name}>" if count[name] == 1 else f"<{name}, {count[name]}>"] = found[2]
    return parts


def normal_objects(objects: Iterable[dict[str, Any]], placeholders: Placeholders) -> dict[str, Any]:
    """Return the objects that this project made, by kind and name.

    Args:
        objects: All objects of a workspace and its Namespace, each with its kind.
        placeholders: The values of this run.
    """
    found: dict[str, Any] = {}
    for item in objects:
        managed = item["metadata"].get("managedFields") or []
        # Closing a workspace empties the operator's objects, so the managers do not say who made them.
        ours = any(entry["manager"].startswith(_MANAGERS) for entry in managed)
        if not ours or item["metadata"]["name"] == _OPERATOR_MADE:
            continue
        metadata = {name: value for name, value in item["metadata"].items() if name not in _OF_ONE_RUN}
        # The operator may have made the LimitRange before us, with a label of its own.
        theirs = _labels_of(_OPERATOR, managed)
        labels = {name: value for name, value in (metadata.pop("labels", None) or {}).items() if name not in theirs}
        metadata |= {"labels": labels} if labels else {}
        normal = {name: value for name, value in item.items() if name != "status"} | {"metadata": metadata}
        if item["kind"] == "Secret":
            data = {name: base64.b64decode(text).decode() for name, text in (item.get("data") or {}).items()}
            normal["data"] = placeholders.conceal(data)
        hidden = placeholders.hide(normal)
        found[f"{item['kind']} {hidden['metadata']['name']}"] = hidden
    return found


def _labels_of(manager: str, managed: Iterable[dict[str, Any]]) -> set[str]:
    return {
        field.removeprefix("f:")
        for entry in managed
        if entry["manager"] == manager
        for field in entry.get("fieldsV1", {}).get("f:metadata", {}).get("f:labels", {})
    }


def normal_answer(path: str, status: int, body: Any, placeholders: Placeholders) -> dict[str, Any]:
    """Return an answer of the backend to a request without its query; secrets are placeholders."""
    if path.endswith("-secrets") and isinstance(body, dict) and isinstance(body.get("data"), dict):
        body = body | {"data": placeholders.conceal(body["data"])}
    return {"status": status, "body": placeholders.hide(body)}
