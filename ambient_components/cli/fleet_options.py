"""The options of the verbs that run a fleet, and which stacks they are for."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ambient_components.cli.choices import choice

if TYPE_CHECKING:
    from ambient_components.cli.fleets.fleet import Fleet
    from ambient_components.cli.fleets.running import Request
    from ambient_components.cli.project import Project


class Format(StrEnum):
    """How the results of a fleet's shards are written."""

    TEXT = "text"
    JSON = "json"


Jobs = Annotated[
    int | None,
    typer.Option("--jobs", metavar="N", min=1, help="Of a fleet: shards at once. Default: one a processor."),
]
"""None: nothing was said. A smallest value of 1 and a default of 0 do not go together: typer checks defaults too."""

Shards = Annotated[
    list[int] | None, typer.Option("--shard", metavar="N", help="Of a fleet: only this one; may be repeated.")
]
Form = Annotated[Format, choice("--format", Format, "Of a fleet: json prints an object a shard.")]


def fleets_of(project: "Project", stack: str, asked: "Request") -> "tuple[Fleet, ...] | None":
    """The fleets that a name stands for; None: it is a plain stack, or a single shard.

    Raises:
        AmbientError: their config or their list is wrong.
        typer.BadParameter: something was asked for that only a fleet has.
    """
    from ambient_components.cli.fleets.fleet import find_fleets  # noqa: PLC0415

    found = find_fleets(project, stack)
    if found is None:
        flags = {"--jobs": asked.jobs, "--shard": asked.shards, "--all": asked.every, "--format": asked.form == "json"}
        for flag, given in flags.items():
            if given:
                msg = f"is of a fleet, and {stack} is one stack: leave it out"
                raise typer.BadParameter(msg, param_hint=flag)
        return None
    for number in asked.shards:
        if len(found) > 1 or not 0 <= number < found[0].count:
            several = f"{stack} names several stacks: ask one of them"
            msg = (
                several
                if len(found) > 1 or found[0].plain
                else f"there is no shard {number}; allowed: 0 to {found[0].count - 1}"
            )
            raise typer.BadParameter(msg, param_hint="--shard")
    return found
