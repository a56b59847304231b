"""The options of verbs that run a fleet, and the stacks that they apply to."""

from typing import Annotated

import typer

from ambient_components.cli.options import format_option, misuse
from ambient_components.fleet.jobs import Request
from ambient_components.output import Format
from ambient_components.stacks.project import Project
from ambient_components.stacks.selection import Fleet, find_fleets

Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        min=1,
        help="Number of shards to run in parallel (fleets only). Default: one per processor.",
    ),
]
"""None if not given. Not a default of 0, because typer checks defaults against the minimum of 1 too."""

Shards = Annotated[
    list[int] | None, typer.Option("--shard", metavar="N", help="Only this shard (fleets only). Can be repeated.")
]
Form = Annotated[
    Format, format_option("Output format. json prints one object per shard (fleets only).", Format.TEXT, Format.JSON)
]


def fleets_of(project: Project, stack: str, request: Request) -> tuple[Fleet, ...] | None:
    """Return the fleets that a name means. None for a plain stack or a single shard, which take no option of fleets."""
    fleets = find_fleets(project, stack)
    if fleets is None:
        options = {
            "--jobs": request.jobs,
            "--shard": request.shards,
            "--all": request.every,
            "--format": request.form == "json",
        }
        for option, given in options.items():
            if given:
                misuse(option, f"is of a fleet, and {stack} is one stack: leave it out")
        return None
    if request.shards and (len(fleets) > 1 or (fleets[0].plain and any(request.shards))):
        misuse("--shard", f"{stack} names several stacks: ask one of them")
    for number in request.shards:
        if not 0 <= number < fleets[0].count:
            misuse("--shard", f"there is no shard {number}: the shards are 0 to {fleets[0].count - 1}")
    return fleets
