"""The options of the verbs that run a fleet, and which stacks they are for."""

from typing import TYPE_CHECKING, Annotated

import typer

from ambient_components.cli.choices import format_option
from ambient_components.output import Format

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ambient_components.cli.fleets.fleet import Fleet
    from ambient_components.cli.fleets.running import Request
    from ambient_components.cli.project import Project


Jobs = Annotated[
    int | None,
    typer.Option("--jobs", metavar="N", min=1, help="Of a fleet: shards at once. Default: one a processor."),
]
"""None: nothing was said. A smallest value of 1 and a default of 0 do not go together: typer checks defaults too."""

Shards = Annotated[
    list[int] | None, typer.Option("--shard", metavar="N", help="Of a fleet: only this one; may be repeated.")
]
Form = Annotated[Format, format_option("Of a fleet: json prints an object a shard.", Format.TEXT, Format.JSON)]


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
        refuse_words_of_fleets(stack, flags)
        return None
    if asked.shards and (len(found) > 1 or (found[0].plain and any(asked.shards))):
        msg = f"{stack} names several stacks: ask one of them"
        raise typer.BadParameter(msg, param_hint="--shard")
    check_shards(found[0], asked.shards)
    return found


def refuse_words_of_fleets(stack: str, flags: "Mapping[str, object]") -> None:
    """Refuses what only a fleet has, where one stack is named.

    Args:
        stack: as it was named.
        flags: by name what was given; nothing counts as not given.

    Raises:
        typer.BadParameter: something was given.
    """
    for flag, given in flags.items():
        if given:
            msg = f"is of a fleet, and {stack} is one stack: leave it out"
            raise typer.BadParameter(msg, param_hint=flag)


def check_shards(fleet: "Fleet", numbers: "Iterable[int]") -> None:
    """Refuses numbers that no shard has.

    Raises:
        typer.BadParameter: with those that are allowed.
    """
    for number in numbers:
        if not 0 <= number < fleet.count:
            msg = f"there is no shard {number}; allowed: 0 to {fleet.count - 1}"
            raise typer.BadParameter(msg, param_hint="--shard")
