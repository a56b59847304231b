"""The engine's steps and messages, from a preview (`pulumi preview --json`) or a run's events, and steps' digests."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ambient_components.engine import texts, urns
from ambient_components.engine.secrets import is_secret
from ambient_components.engine.state import Resource
from ambient_components.engine.urns import Urn, short
from ambient_components.errors import Problem, refusal
from ambient_components.problem_json import decode

# All operations are in sdk/go/common/apitype/history.go (Pulumi 3.274).
SAME: Final = "same"
UPDATE: Final = "update"
REPLACE: Final = "replace"
REFRESH: Final = "refresh"
CHANGES_NOTHING: Final = frozenset({SAME, "read", "read-replacement", REFRESH, "discard", "discard-replaced"})
"""Operations that change no object. Reading and discarding only look at it."""
CREATES: Final = frozenset({"create", "create-replacement", "import", "import-replacement"})
IMPORTS: Final = frozenset({"import", "import-replacement"})
DELETES: Final = frozenset({"delete", "delete-replaced"})

HIDDEN: Final = "[secret]"
_PARTS: Final = ("inputs", "parent", "provider", "protect", "retainOnDelete", "deletedWith", "external", "importID")
"""The digested fields of the planned resource. The state has the previous ones."""

_AUTONAMED: Final = "pulumi.com/autonamed"
_DEFAULTS: Final = "__defaults"


@dataclass(frozen=True, slots=True)
class Step:
    op: str
    urn: Urn
    type: str
    old: Resource | None = None
    new: Resource | None = None
    paths: tuple[str, ...] = ()
    planned: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The planned resource's JSON, for its digest (`content`)."""

    @classmethod
    def of_preview(cls, item: Mapping[str, Any]) -> "Step":
        return _step(item, item.get("oldState"), item.get("newState"))

    @classmethod
    def of_event(cls, item: Mapping[str, Any]) -> "Step":
        """Read the step of an event. Events omit `custom` if it is false."""
        old, new = ({"custom": False, **state} if (state := item.get(when)) else None for when in ("old", "new"))
        return _step(item, old, new)

    @property
    def name(self) -> str:
        return self.urn.name

    @property
    def kind(self) -> str:
        return short(self.type)

    @property
    def object_name(self) -> str:
        """The name of the Kubernetes object. Empty for other resources."""
        resource = self.new or self.old
        metadata = resource.inputs.get("metadata") if resource is not None else None
        return str(metadata.get("name") or "") if isinstance(metadata, Mapping) else ""

    @property
    def modified(self) -> str:
        """When the resource was last written to the state, RFC 3339, also by a refresh that finds it changed."""
        return str(self.planned.get("modified") or "")

    @property
    def protects(self) -> bool:
        """Whether only the protection changes. The engine reports that as `same`."""
        return self.op == SAME and _protected(self.old) != _protected(self.new)

    @property
    def changes(self) -> bool:
        return self.op not in CHANGES_NOTHING or self.protects

    @property
    def retains(self) -> bool:
        """Whether the engine removes the resource from the state and keeps the object unchanged."""
        return self.op in DELETES and self.old is not None and self.old.retain_on_delete


@dataclass(frozen=True, slots=True)
class Diagnostic:
    severity: str
    """debug, info, warning or error."""
    message: str
    urn: str = ""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Problems in the message: our own decoded, all others as text. Empty if it explains nothing."""
        return self._own or tuple(refusal(line) for line in self.words if not texts.explains_nothing(line))

    @property
    def words(self) -> tuple[str, ...]:
        """What others than we say, on plain lines. Empty if the problems are ours."""
        if self._own:
            return ()
        # Of an error the program says a problem a line.
        is_programs = self.severity == "error" and self._token in ("", urns.STACK)
        lines = self.message.splitlines() if is_programs else [self.message]
        return tuple(filter(None, map(texts.plain, lines)))

    @property
    def _own(self) -> tuple[Problem, ...]:
        return decode(self.message) if urns.is_ours(self._token) else ()

    @property
    def _token(self) -> str:
        return Urn.parse(self.urn).type if self.urn else ""


@dataclass(frozen=True, slots=True)
class Preview:
    steps: tuple[Step, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    changes: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Preview":
        return cls(
            tuple(map(Step.of_preview, document.get("steps") or ())),
            tuple(map(diagnostic, document.get("diagnostics") or ())),
            changing(document.get("changeSummary") or {}),
        )

    @property
    def problems(self) -> list[Problem]:
        """The problems of its errors, each once."""
        errors = [line for line in self.diagnostics if line.severity == "error"]
        return list(dict.fromkeys(problem for error in errors for problem in error.problems))


def read_preview(text: str) -> Preview | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return Preview.of(document) if isinstance(document, dict) else None


def diagnostic(item: Mapping[str, Any]) -> Diagnostic:
    return Diagnostic(str(item.get("severity") or ""), str(item.get("message") or ""), str(item.get("urn") or ""))


def changing(counts: Mapping[str, int]) -> dict[str, int]:
    return {op: count for op, count in counts.items() if op not in CHANGES_NOTHING}


def of_type(steps: Iterable[Step], token: str) -> list[Step]:
    return [step for step in steps if step.type == token]


def _step(item: Mapping[str, Any], old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Step:
    text = str(item.get("urn") or "")
    urn = Urn.parse(text)
    paths = item.get("detailedDiff") or dict.fromkeys(item.get("diffReasons") or ())
    return Step(
        str(item.get("op") or ""),
        urn,
        str(item.get("type") or urn.type),
        Resource.of(old, text) if old else None,
        Resource.of(new, text) if new else None,
        tuple(paths),
        new or {},
    )


def _protected(resource: Resource | None) -> bool:
    return resource is not None and resource.protect


def content(step: Step, names: Mapping[str, str]) -> str:
    """Return the digest of what a step creates. Previews of the same files at the same clock give equal digests."""
    parts = [name for name in _PARTS if step.planned.get(name)] + (["id"] if step.op in IMPORTS else [])
    made = {name: _seen(step.planned.get(name), names) for name in parts}
    text = json.dumps([step.op, str(step.urn), made], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def selected_names(steps: Iterable[Step]) -> dict[str, str]:
    """Return the names that a plugin generated, each with the place that it is for.

    They differ in each preview, and other resources may refer to them.
    """
    names: dict[str, str] = {}
    for step in steps:
        inputs = step.new.inputs if step.new is not None else {}
        given = {str(field): inputs.get(field) for field in inputs.get(_DEFAULTS) or ()}
        metadata = inputs.get("metadata")
        if isinstance(metadata, Mapping) and _AUTONAMED in (metadata.get("annotations") or {}):
            given["metadata.name"] = metadata.get("name")
        made_up = re.compile(rf"{re.escape(step.name)}-[0-9a-f]{{4,}}")
        names |= {
            name: f"{step.urn} {field}"
            for field, name in given.items()
            if isinstance(name, str) and made_up.fullmatch(name)
        }
    return names


def _seen(value: Any, names: Mapping[str, str]) -> Any:
    """Return a value without secrets and without generated names."""
    if is_secret(value):
        return HIDDEN
    if isinstance(value, Mapping):
        return {key: _seen(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_seen(item, names) for item in value]
    if isinstance(value, str):
        for name, place in names.items():
            value = value.replace(name, place)
    return value
