"""Acknowledged warnings in the stack file."""

from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from ambient_components.model.base import Model, is_scalar, refuse, type_name
from ambient_components.model.dates import Day
from ambient_components.model.reviews import Reason
from ambient_components.model.types import NamespaceName, Text
from ambient_components.rules import guardrail_names
from ambient_components.rules.warnings import LoudWarning, WarningRule, names_of
from ambient_components.suggest import did_you_mean

_NAMES: Final = "`ambient plan` and `ambient validate` show the name of a warning in brackets after it"


def _rule(value: object) -> object:
    if not is_scalar(value):
        refuse(f"is {type_name(value)}", "allowed: the name of a warning", _NAMES)
    word = str(value)
    if word in guardrail_names.GUARDRAILS:
        refuse(
            f"{word} is a guardrail, and only warnings can be acknowledged",
            f"to allow the change, write exceptions: [{{guardrail: {word}, reason: WHY}}]",
        )
    if word in tuple(LoudWarning):
        refuse(f"{word} can't be acknowledged: it is about one run, or about something unsafe", "remove it")
    if word not in tuple(WarningRule):
        refuse(f"{word!r} is not the name of a warning", did_you_mean(word, WarningRule) or _NAMES)
    return WarningRule(word)


AcknowledgedRule = Annotated[
    WarningRule,
    BeforeValidator(_rule),
    WithJsonSchema({"type": "string", "enum": [rule.value for rule in WarningRule]}),
]
"""Name of a warning, such as noRunnerSecret."""


ObjectText = Annotated[Text, Field(min_length=1)]
"""An object, as a warning names it."""


class Acknowledgement(Model):
    """A warning that is not shown any more, only counted."""

    rule: AcknowledgedRule
    """Name of the warning, which messages have in brackets."""

    objects: tuple[ObjectText, ...] = ()
    """Of undeclaredAccess: the known access, each as the warning has it, such as `edit of user:bob@example.com`."""

    reason: Reason
    """Reason, for reviewers of the change and later readers."""

    date: Day
    """Day of the acknowledgement, not in the future."""

    until: Day | None = None
    """Last day of the acknowledgement; the warning then returns. Default: no end."""

    @property
    def names(self) -> list[str]:
        return names_of(self.rule.value, self.objects)

    @model_validator(mode="after")
    def _has_its_place(self) -> Self:
        if self.rule is WarningRule.UNMANAGED_WORKSPACE and not isinstance(self, StackAcknowledgement):
            refuse(f"{self.rule} is about workspaces without an entry", "write it at the top of the file")
        return self


class StackAcknowledgement(Acknowledgement):
    """A warning that is not shown any more for all workspaces and the stack as a whole."""

    workspaces: list[NamespaceName] = []
    """Names of workspaces in no stack, which `ambient access --live` then leaves out. Only with unmanagedWorkspace."""

    @model_validator(mode="after")
    def _names_workspaces(self) -> Self:
        if self.rule is WarningRule.UNMANAGED_WORKSPACE and not self.workspaces:
            refuse(f"{self.rule} names no workspace", "write workspaces: [NAME]")
        if self.workspaces and self.rule is not WarningRule.UNMANAGED_WORKSPACE:
            hint = "remove workspaces, or acknowledge the warning in the entry of each workspace"
            refuse(f"has workspaces, which only {WarningRule.UNMANAGED_WORKSPACE} has", hint)
        return self
