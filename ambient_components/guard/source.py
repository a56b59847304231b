"""The guard's policies as their files declare them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Final

import yaml

from ambient_components.platform import contract, naming, schedules
from ambient_components.rules.guard import POLICIES, GuardRule, GuardTopic

_SHARED: Final = "shared"
_CONSTANT: Final = re.compile(r"<([A-Z][A-Z_]+)>")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition of a policy, and what a refusal of it says."""

    rule: GuardRule
    refuses: str
    """The attack, for who reads the files."""

    unless: str
    """CEL: true where the request is allowed."""

    says: str
    """The sentence of the refusal; CEL between braces is replaced by its value."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """ServiceAccounts of the namespace as parameters. The rules are evaluated for each that `applies`."""

    applies: str
    """CEL: true for the account that the request is about. One comparison: it runs for each account."""

    selector: Mapping[str, Any]
    """Label selector of the accounts."""


@dataclass(frozen=True, slots=True)
class Policy:
    name: str
    """End of the policy's name, a key of `rules.guard.POLICIES`."""

    topic: GuardTopic
    """Topic of the right that exempts from it."""

    watches: tuple[Mapping[str, Any], ...]
    """The requests: `group`, `resources`, `operations`, and `scope` if it is not Namespaced."""

    rules: tuple[Rule, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, str] = field(default_factory=dict)
    """CEL by name: conditions for the requests that the policy is about."""

    parameters: Parameters | None = None


@cache
def policies() -> tuple[Policy, ...]:
    """Return all policies, in the order of `rules.guard.POLICIES`."""
    return tuple(_policy(name, topic) for name, topic in POLICIES.items())


@cache
def shared_variables() -> Mapping[str, str]:
    return _read(_SHARED)


def _policy(name: str, topic: GuardTopic) -> Policy:
    data = _read(name)
    parameters = data.pop("parameters", None)
    return Policy(
        name,
        topic,
        watches=tuple(data.pop("watches")),
        rules=tuple(Rule(**{**rule, "rule": GuardRule(rule["rule"])}) for rule in data.pop("rules")),
        parameters=Parameters(parameters["for"], parameters["selector"]) if parameters else None,
        **data,
    )


def _read(name: str) -> dict[str, Any]:
    text = resources.files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    # The loader is a safe one.
    return dict(yaml.load(_CONSTANT.sub(_constant, text), Loader=_LOADER))  # noqa: S506


def _constant(match: re.Match[str]) -> str:
    """Return a constant of the platform's contract, for the inside of a text or for CEL: tuples become lists."""
    name = match[1]
    value = next(vars(module)[name] for module in (contract, schedules, naming) if name in vars(module))
    return str(list(value)) if isinstance(value, tuple) else str(value)
