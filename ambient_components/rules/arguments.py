"""Arguments by kind: their descriptions, and checks of their values.

The plugin's schema and its input checks are built from these tables, so each argument is described once.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.rules.findings import Finding, Path
from ambient_components.suggest import allowed_words

_EXPECTED: Final[Mapping[type, str]] = {
    bool: "true or false is expected",
    int: "a whole number from 0 is expected",
    str: "text is expected",
}

MAPPING_EXPECTED: Final = "a mapping is expected"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a component or a resource."""

    kind: type
    """bool, int (from 0) or str."""

    meaning: str
    """Description for the schema, one sentence."""


def kind_findings(values: Mapping[str, Any], arguments: Mapping[str, Argument]) -> Iterator[Finding]:
    """Find values of the wrong kind; missing values are valid."""
    for name, argument in arguments.items():
        value = values.get(name)
        if value is not None and not _fits(value, argument.kind):
            yield Finding((name,), _EXPECTED[argument.kind], "")


def _fits(value: Any, kind: type) -> bool:
    if kind is int:
        return is_whole(value, 0)
    return isinstance(value, kind)


def is_whole(value: Any, least: int) -> bool:
    """Return whether a value is a whole number and at least `least`."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


GENERATION_MAX: Final = 1000
"""Highest generation, as names of the lower ones are computed: a new identity each week for 19 years."""


def generation_findings(values: Mapping[str, Any]) -> Iterator[Finding]:
    """Find a generation below 1, or above the highest one."""
    generation = values.get("generation")
    if isinstance(generation, int) and not 1 <= generation <= GENERATION_MAX:
        what = "low" if generation < 1 else "high"
        yield Finding(("generation",), f"{generation} is too {what}", f"allowed: 1 to {GENERATION_MAX}")


def choice_findings(path: Path, value: object, allowed: Iterable[str], what: str) -> Iterator[Finding]:
    """Find a word that is not allowed; a missing value is valid."""
    words = tuple(allowed)
    if value is not None and value not in words:
        yield Finding(path, f"{value!r} is not a {what}", allowed_words(str(value), words))
