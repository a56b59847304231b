"""The guard of a workspace: what the cluster's admission policies refuse there."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from ambient_components.model.base import Model, choice, one_of, refuse
from ambient_components.model.forms import Choice, Items
from ambient_components.model.marks import recorded
from ambient_components.rules.findings import Finding
from ambient_components.rules.guard import ALWAYS_ON, OFF_BY_DEFAULT, SWITCHES, GuardMode, GuardRule, GuardSharing


def _switch(value: object) -> object:
    if value in ALWAYS_ON:
        refuse(f"{value} can't be switched off", f"allowed: {', '.join(SWITCHES)}")
    return GuardRule(str(choice(value, SWITCHES, "rule of the guard")))


def _place(word: str, words: Iterable[str]) -> int:
    """Return the place of a word; that of a later version, which a ledger may have, comes before all others."""
    return next((place for place, known in enumerate(words) if known == word), -1)


GuardModeName = Annotated[GuardMode, one_of(GuardMode, "mode of the guard")]
"""audit, warn or deny."""

GuardSharingName = Annotated[GuardSharing, one_of(GuardSharing, "way of sharing")]
"""own, view or none."""

GuardSwitch = Annotated[
    GuardRule, BeforeValidator(_switch), WithJsonSchema({"type": "string", "enum": [*map(str, SWITCHES)]})
]
"""A rule that can be switched off."""


class Guard(Model):
    """What the cluster's guard refuses in the workspace, also between two runs. A cluster admin installs the guard."""

    example: ClassVar[str] = "{mode: audit}"

    mode: Annotated[GuardModeName | None, recorded(unset="none")] = None
    """audit: the API server's audit log names what the rules would refuse; warn: the client gets a warning, too; deny:
    it is refused. Default: none, and no rule applies.
    """

    sharing: Annotated[GuardSharingName, recorded()] = GuardSharing.OWN
    """own: people may give roles up to their own in the UI; view: the role view alone; none: access and keys come from
    the stack file alone. Default: own.
    """

    off: Annotated[
        list[GuardSwitch],
        AfterValidator(lambda rules: sorted(set(rules))),
        recorded(form=Items(Choice(GuardRule), ordered=False), label="rules off", unset="none"),
    ] = Field(default=[*OFF_BY_DEFAULT], examples=[["removesKeys", "sessionUser"]])
    """Rules that are switched off; `[]` switches on all of them. With removesKeys in force, admins can't end a leaked
    key in the UI. Default: [removesKeys].
    """

    def __str__(self) -> str:
        """Return it for people, such as ``deny, sharing own, off: removesKeys``."""
        return f"{self.mode or 'none'}, sharing {self.sharing}" + (f", off: {', '.join(self.off)}" if self.off else "")

    def plain(self) -> dict[str, Any]:
        """Return all of its fields for JSON."""
        return {"mode": self.mode and str(self.mode), "sharing": str(self.sharing), "off": [*map(str, self.off)]}

    def weakens(self, before: "Guard") -> bool:
        """Return whether it refuses less than the guard before: a lower mode, more sharing or another rule off."""
        if before.mode is None or self.mode is None:
            return before.mode is not None
        lower = _place(self.mode, GuardMode) < _place(before.mode, GuardMode)
        opened = _place(self.sharing, GuardSharing) < _place(before.sharing, GuardSharing)
        return lower or opened or bool({*self.off} - {*before.off})

    def above(self, floor: GuardMode | None) -> "Guard":
        """Return the guard that holds where the cluster's has a floor: all rules of a workspace without this field."""
        if floor is None or _place(self.mode or "", GuardMode) >= _place(floor, GuardMode):
            return self
        return self.model_copy(update={"mode": floor}) if self.mode else Guard(mode=floor, off=[])

    def findings(self) -> Iterator[Finding]:
        """Find settings without a mode."""
        if self.mode is None and self.model_fields_set:
            yield Finding((), "has no effect without a mode", f"add mode: {', '.join(GuardMode)}")


NO_GUARD = Guard.as_default()
"""The guard of a workspace without the field."""
