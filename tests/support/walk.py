"""The walk of the stack file's schema: every field of an entry, three values of each, and every way between them.

A field is found in the schema, so one that is added later is walked with the others. Its values are the schema's own
(`tests.support.walk_values`). What a field needs beside it, such as `generation: 2` beside `overlapUntil`, is found by
trying its neighbours: a set of them with which the checks of the stack file take two values.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

from tests.support.walk_values import Schema, Values

ITEM, ENTRY = "[]", "{}"
"""Steps of a path into a list, and into a mapping with free names."""

ABSENT, TYPICAL, EDGE = "absent", "typical", "edge"
KINDS: Final = (ABSENT, TYPICAL, EDGE)
PAIRS: Final = tuple((one, other) for one in KINDS for other in KINDS if one != other)

Steps = tuple[str, ...]
Accepts = Callable[[Mapping[str, Any]], bool]
"""Whether the checks of the stack file take an entry."""


@dataclass(frozen=True)
class Spot:
    """One field of the schema."""

    steps: Steps
    schema: Schema = field(hash=False)
    place: str
    """Its object and its own name, such as `Key.lifetime`."""

    siblings: Mapping[str, Schema] = field(hash=False)
    required: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.steps).replace(f".{ITEM}", ITEM).replace(f".{ENTRY}", ENTRY)


@dataclass(frozen=True)
class Walk:
    """A field with an entry of a workspace for each of its values."""

    spot: Spot
    entries: Mapping[str, Mapping[str, Any]]
    """Entries of a workspace by kind of value."""

    def __str__(self) -> str:
        return str(self.spot)


class Walker:
    """All fields below one object of a schema.

    Args:
        schema: The whole schema.
        top: Name of the object that is walked.
        base: Fields that every entry has, unless a walked one replaces them.
        accepts: Says whether an entry is valid.
    """

    def __init__(self, schema: Schema, top: str, base: Mapping[str, Any], accepts: Accepts) -> None:
        self.values = Values(schema)
        self._schema, self._top, self._base, self._accepts = schema, top, base, accepts

    def spots(self) -> list[Spot]:
        """Return every field, also of objects in lists and mappings, in the schema's order."""
        return list(self._below({"$ref": f"#/$defs/{self._top}"}, (), ""))

    def _below(self, schema: Schema, steps: Steps, name: str) -> Iterator[Spot]:
        rules, referred = self.values.resolved(schema)
        name = referred or name
        if "properties" in rules:
            forbidden = rules.get("not", {}).get("required", [])
            for key, one in rules["properties"].items():
                if key in forbidden:
                    continue
                yield Spot(
                    (*steps, key), one, f"{name}.{key}", rules["properties"], tuple(rules.get("required", ()))
                )  # fmt: skip
                yield from self._below(one, (*steps, key), name)
        elif "items" in rules:
            yield from self._below(rules["items"], (*steps, ITEM), name)
        elif isinstance(rules.get("additionalProperties"), dict):
            yield from self._below(rules["additionalProperties"], (*steps, ENTRY), name)

    def walk(self, spot: Spot) -> Walk | None:
        """Return entries with a typical value, one of the edge and none, or None where no two values are accepted."""
        candidates = self.values.of(spot.schema, spot.place)
        some: tuple[dict[Steps, Any], list[dict[str, Any]]] | None = None
        for extra in self._companions(spot):
            taken: list[dict[str, Any]] = []
            for value in candidates:
                entry = self._entry(spot, value, extra)
                if entry not in taken and self._accepts(entry):
                    taken.append(entry)
            if len(taken) > 1 or (taken and len(candidates) == 1):
                return Walk(spot, self._three(spot, extra, taken))
            if taken and some is None:
                some = extra, taken
        return Walk(spot, self._three(spot, *some)) if some else None

    def _three(self, spot: Spot, extra: Mapping[Steps, Any], taken: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {ABSENT: self._absent(spot, extra, taken), TYPICAL: taken[0], EDGE: taken[-1]}

    def _absent(self, spot: Spot, extra: Mapping[Steps, Any], taken: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the entry without the field, or without as little around it as the checks take."""
        value = self.values.of(spot.schema, spot.place)[0]
        for depth in reversed(range(1, len(spot.steps))):
            entry = self._entry(spot, value, extra)
            inner: Any = entry
            for index, step in enumerate(spot.steps[:depth]):
                inner = inner[self._step(spot.steps[:index], step)]
            del inner[self._step(spot.steps[:depth], spot.steps[depth])]
            if entry not in taken and self._accepts(entry):
                return entry
        return self._entry(spot, None, {})

    def _companions(self, spot: Spot) -> Iterator[dict[Steps, Any]]:
        """Yield sets of fields to put beside one: none, one of any object around it, or two of its own object."""
        yield {}
        near: list[tuple[Steps, Any]] = []
        for depth in range(len(spot.steps), 0, -1):
            above = spot.steps[: depth - 1]
            for key, schema in self._fields_at(above).items():
                steps = (*above, key)
                if steps == spot.steps[:depth] or key in ("exceptions", "acknowledge"):
                    continue
                values = self.values.of(schema, f"{self._rules_at(above)[1]}.{key}")
                near += [(steps, value) for value in values[:3]]
        for one in near:
            yield dict([one])
        existing = ("storage", "bucket")
        if spot.steps[:2] == existing:
            of_others = {"driver": "existing", "accessKey": {"config": "walk/one"}, "secretKey": {"config": "walk/one"}}
            beside = {(*existing, key): value for key, value in of_others.items()}
            yield {steps: value for steps, value in beside.items() if steps != spot.steps[: len(steps)]}
        nearest = [one for one in near if len(one[0]) == len(spot.steps)]
        yield from (dict(two) for two in combinations(nearest, 2) if two[0][0] != two[1][0])

    def _rules_at(self, steps: Steps) -> tuple[dict[str, Any], str]:
        rules, name = self.values.resolved({"$ref": f"#/$defs/{self._top}"})
        for step in steps:
            below = {ITEM: "items", ENTRY: "additionalProperties"}.get(step)
            rules, referred = self.values.resolved(rules[below] if below else rules["properties"][step])
            name = referred or name
        return rules, name

    def _fields_at(self, steps: Steps) -> Mapping[str, Schema]:
        return dict(self._rules_at(steps)[0].get("properties", {}))

    def _entry(self, spot: Spot, value: Any, extra: Mapping[Steps, Any]) -> dict[str, Any]:
        """Return an entry of a workspace.

        Args:
            spot: The field.
            value: Its value; None leaves it out.
            extra: Fields beside it.
        """
        entry: dict[str, Any] = copy.deepcopy(dict(self._base))
        entry.pop(spot.steps[0], None)
        placed = {**extra, **({} if value is None else {spot.steps: value})}
        for steps in sorted(placed, key=len):
            self._place(entry, steps, copy.deepcopy(placed[steps]))
        return entry

    def _step(self, above: Steps, step: str) -> Any:
        """Return the index or the key of a step."""
        if step == ITEM:
            return 0
        return self.values.keys(self._rules_at(above)[0])[0] if step == ENTRY else step

    def _place(self, entry: dict[str, Any], steps: Steps, value: Any) -> None:
        inner: Any = entry
        for index, step in enumerate(steps):
            last = index == len(steps) - 1
            if step == ITEM:
                inner = inner[0]
            elif step == ENTRY:
                inner = inner.setdefault(self._step(steps[:index], step), self._start(steps[: index + 1]))
            elif last:
                inner[step] = value
            else:
                new: Any = [self._start((*steps[: index + 1], ITEM))] if steps[index + 1] == ITEM else None
                inner = inner.setdefault(step, new if new is not None else self._start(steps[: index + 1]))

    def _start(self, steps: Steps) -> dict[str, Any]:
        """Return an object with the fields that it must have."""
        rules, name = self._rules_at(steps)
        return {key: self.values.of(rules["properties"][key], f"{name}.{key}")[0] for key in rules.get("required", ())}


def text_of(entry: Mapping[str, Any]) -> str:
    """Return an entry as YAML on one line: JSON is YAML."""
    return json.dumps(entry)
