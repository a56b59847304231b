"""The attacks of other engine tests, as they are, for another run of them: functions by name, and their forms."""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from tests.support.guard_answers import attack_name

ENGINE = Path(__file__).parents[1] / "engine"


@dataclass(frozen=True)
class Attack:
    """One form of an attack: the test, and the values of its parameters."""

    name: str
    test: Callable[..., object]
    form: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.name, *map(str, self.form.values())])


def of_modules(*paths: Path) -> dict[str, Callable[..., object]]:
    """The tests of modules, by their names in the tables of `tests.support.guard_answers`."""
    found = {}
    for path in paths:
        module = importlib.import_module(".".join(path.with_suffix("").relative_to(ENGINE.parents[1]).parts))
        tests = {name: test for name, test in vars(module).items() if name.startswith("test_")}
        found |= {attack_name(path.stem, name): test for name, test in tests.items()}
    return found


def forms(names: Iterable[str], tests: dict[str, Callable[..., object]]) -> list[Attack]:
    """Each attack in all its forms."""
    return [Attack(name, tests[name], form) for name in names if name in tests for form in _forms(tests[name])]


def _forms(test: Callable[..., object]) -> list[dict[str, Any]]:
    forms: list[dict[str, Any]] = [{}]
    for mark in getattr(test, "pytestmark", ()):
        if mark.name == "parametrize":
            names = mark.args[0].split(",") if isinstance(mark.args[0], str) else mark.args[0]
            rows = [ParameterSet.extract_from(row, force_tuple=len(names) == 1).values for row in mark.args[1]]
            forms = [{**form, **dict(zip(names, row, strict=True))} for form in forms for row in rows]
    return forms


def quick(attacks: list[Attack], kind: Callable[[Attack], object]) -> list[Any]:
    """Parameters of a test: the first attack of each kind, and the others as slow ones."""
    kinds = [kind(attack) for attack in attacks]
    return [
        pytest.param(attack, id=str(attack), marks=[pytest.mark.slow] if kinds[number] in kinds[:number] else [])
        for number, attack in enumerate(attacks)
    ]
