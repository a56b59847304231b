"""Reading, writing and checking of dataclasses in recorded plain data, by the annotations of their fields.

Reading is total: an older or newer version may have written the state, so a value that does not fit is left out and the
field gets its default. Checking is strict, for new inputs: it reports all problems with their paths.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final, Literal, NamedTuple, TypeVar

from ambient_components.errors import BadValue, hints_of
from ambient_components.model import derive
from ambient_components.model.base import Model
from ambient_components.suggest import did_you_mean

_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


@dataclass(frozen=True, slots=True)
class PathChange:
    """One difference, such as ``workspaces.payments.grants["group:devs"]``, and its kind."""

    path: str
    kind: Literal["add", "delete", "update"]


def child(path: str, key: str) -> str:
    """Return the path of a key below a path, quoted if necessary."""
    if _PLAIN.fullmatch(key):
        return f"{path}.{key}" if path else key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'{path}["{escaped}"]'


def changed_paths(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[PathChange]:
    """Yield all differences at their deepest path; an added or removed mapping is one difference."""
    for key in sorted({*before, *after}):
        here = child(path, key)
        if key not in after:
            yield PathChange(here, "delete")
        elif key not in before:
            yield PathChange(here, "add")
        elif isinstance(before[key], Mapping) and isinstance(after[key], Mapping):
            yield from changed_paths(before[key], after[key], here)
        elif before[key] != after[key]:
            yield PathChange(here, "update")


T = TypeVar("T")

_ABSENT: Final = object()
"""Result of reading a value that does not fit."""


class Misfit(NamedTuple):
    path: str
    """Path such as ``keys.ci.role`` or ``grants["user:bob"]``."""
    problem: str
    hints: tuple[str, ...] = ()


Test = Callable[[str], object]
"""Raises BadValue for a text that is not allowed."""


@dataclass(frozen=True, slots=True)
class Kind:
    read: Callable[[Any], Any]
    """Reads a value; returns `_ABSENT` if it does not fit, never raises."""
    check: Callable[[Any, str], Iterator[Misfit]]
    """Yields all problems of a value at a path."""
    write: Callable[[Any], Any] = lambda value: value


REQUIRED: Final = "required"
"""Marks a field that new inputs must have and that is always written; other fields are omitted while they equal their
default.
"""


def text(allowed: Collection[str] = (), test: Test | None = None) -> Kind:
    """Return the kind for a string, optionally one of several or one that passes a test."""

    def check(value: Any, path: str) -> Iterator[Misfit]:
        if not isinstance(value, str):
            yield Misfit(path, "a text is expected")
        elif allowed and value not in allowed:
            yield Misfit(path, f"{value!r} is not allowed", (f"allowed: {', '.join(allowed)}",))
        elif test:
            yield from _refused(test, value, path)

    return Kind(lambda value: value if isinstance(value, str) else _ABSENT, check)


def flag() -> Kind:
    def check(value: Any, path: str) -> Iterator[Misfit]:
        if not isinstance(value, bool):
            yield Misfit(path, "true or false is expected")

    return Kind(lambda value: value if isinstance(value, bool) else _ABSENT, check)


def count(least: int = 1) -> Kind:
    """Return the kind for a whole number, which is a float in Pulumi's protocol."""

    def read(value: Any) -> Any:
        whole = isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0
        return int(value) if whole else _ABSENT

    def check(value: Any, path: str) -> Iterator[Misfit]:
        number = read(value)
        if number is _ABSENT or number < least:
            yield Misfit(path, f"a whole number from {least} is expected")

    return Kind(read, check)


def listed(kind: Kind, *, least: int = 0) -> Kind:
    """Return the kind for a list, which is read as a tuple."""

    def read(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return _ABSENT
        return tuple(item for item in map(kind.read, value) if item is not _ABSENT)

    def check(value: Any, path: str) -> Iterator[Misfit]:
        if not isinstance(value, list | tuple):
            yield Misfit(path, "a list is expected")
            return
        if len(value) < least:
            yield Misfit(path, "the list is empty")
        for index, item in enumerate(value):
            yield from kind.check(item, f"{path}[{index}]")

    return Kind(read, check, lambda items: [kind.write(item) for item in items])


def by_name(kind: Kind, test: Test | None = None) -> Kind:
    """Return the kind for a mapping, optionally with names that pass a test."""

    def read(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return _ABSENT
        found = ((str(name), kind.read(item)) for name, item in value.items())
        return {name: item for name, item in found if item is not _ABSENT}

    def check(value: Any, path: str) -> Iterator[Misfit]:
        if not isinstance(value, Mapping):
            yield Misfit(path, "a mapping is expected")
            return
        for name, item in value.items():
            if test:
                yield from _refused(test, str(name), child(path, str(name)))
            yield from kind.check(item, child(path, str(name)))

    return Kind(read, check, lambda items: {name: kind.write(item) for name, item in items.items()})


def nested(of: type) -> Kind:
    """Return the kind for a recorded dataclass. Its method `problems`, if any, checks several fields together."""
    return Kind(
        lambda value: read(of, value) if isinstance(value, Mapping) else _ABSENT,
        lambda value, path: misfits(of, value, path),
        write,
    )


def modelled(of: type[Model]) -> Kind:
    """Return the kind for a recorded model."""

    def check(value: Any, path: str) -> Iterator[Misfit]:
        for finding in derive.misfits(of, "ledger", value):
            here = path
            for part in finding.path:
                here = f"{here}[{part}]" if isinstance(part, int) else child(here, part)
            yield Misfit(here, finding.problem, hints_of(finding.remedy))

    return Kind(
        lambda value: derive.read(of, "ledger", value) if isinstance(value, Mapping) else _ABSENT,
        check,
        lambda value: derive.write(value, "ledger"),
    )


def read(of: type[T], value: Any) -> T:
    """Read a recorded dataclass from any value."""
    parts, found = _parts(of), {}
    for name, item in value.items() if isinstance(value, Mapping) else ():
        if (known := parts.get(name)) is not None and (fits := known.kind.read(item)) is not _ABSENT:
            found[known.attribute] = fits
    return of(**found)


def write(value: Any) -> dict[str, Any]:
    """Return a recorded dataclass as plain data: the inverse of `read`."""
    reported = ((name, each, getattr(value, each.attribute)) for name, each in _parts(type(value)).items())
    return {name: each.kind.write(item) for name, each, item in reported if each.required or item != each.default}


def misfits(of: type, value: Any, path: str = "") -> Iterator[Misfit]:
    """Yield all problems of plain data for a recorded dataclass."""
    if not isinstance(value, Mapping):
        yield Misfit(path, "a mapping is expected")
        return
    parts, fits = _parts(of), True
    for name, known in parts.items():
        item = value.get(name)
        problems = [*known.kind.check(item, child(path, name))] if item is not None else []
        if item is None and known.required:
            problems = [Misfit(child(path, name), "is missing")]
        yield from problems
        fits = fits and not problems
    for name in value.keys() - parts.keys():
        yield Misfit(child(path, str(name)), "is not known", hints_of(did_you_mean(str(name), parts)))
    if fits and (problems_of := getattr(of, "problems", None)):
        yield from (Misfit(path, problem) for problem in problems_of(read(of, value)))


class _Part(NamedTuple):
    attribute: str
    kind: Kind
    required: bool
    default: Any


_KNOWN: Final[dict[type, dict[str, _Part]]] = {}


def _parts(of: type) -> dict[str, _Part]:
    """Return the fields of a recorded dataclass by their recorded names, in camel case."""
    if (known := _KNOWN.get(of)) is not None:
        return known
    found = _KNOWN[of] = {}
    for one in fields(of):
        kind, *more = one.type.__metadata__  # type: ignore[union-attr]  # Annotated
        default = one.default if one.default_factory is MISSING else one.default_factory()
        found[_camel(one.name)] = _Part(one.name, kind, REQUIRED in more, default)
    return found


def _camel(attribute: str) -> str:
    first, *rest = attribute.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def _refused(test: Test, value: str, path: str) -> Iterator[Misfit]:
    try:
        test(value)
    except BadValue as error:
        yield Misfit(path, error.problem, error.hints)
