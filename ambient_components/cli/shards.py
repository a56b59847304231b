"""`ambient shards`: a fleet's shards, for people and for runners on other machines."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Final

import typer
import yaml

from ambient_components import clock
from ambient_components.cli import completion
from ambient_components.cli.options import choice
from ambient_components.cli.prompts import one_stack
from ambient_components.cli.tables import plain_value, table
from ambient_components.documentation import page
from ambient_components.engine.backend import read_stacks, stack_of
from ambient_components.errors import AmbientError, stop
from ambient_components.fleet.decisions import ask_states, decide
from ambient_components.fleet.page import as_html
from ambient_components.printable import json_text
from ambient_components.stackfile.loader import divided, load_stack
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import Project, bare_name, stack_path
from ambient_components.stacks.selection import Fleet, find_fleets

EPILOG = f"""\
\b
examples:
  ambient shards prod                          each shard with stack, workspaces and number of resources
  ambient shards prod --format html > fleet.html      each shard's result, last run and next date. Queries the cluster.
  ambient shards prod --format github          matrix={{"include": [...]}}: fromJSON in GitHub Actions
  ambient shards prod --format gitlab > shards.yaml       a child pipeline with parallel: matrix

\b
Shards can run on separate machines at the same time: pulumi up --stack STACK --config-file FILE. The formats github
and gitlab depend only on the files and the config, so equal files give equal output.
What to do with it: {page("tasks/pipeline", "a-fleet")}

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""


GITHUB_MOST: Final = 256
"""Maximum number of jobs in a GitHub Actions matrix."""

GITLAB_MOST: Final = 200
"""Maximum number of jobs in a GitLab `parallel: matrix`."""

GITLAB_INCLUDE: Final = "/.gitlab/shard.yaml"
"""The file with the job `.shard`, which the child pipeline runs for every shard: `ambient pipeline` writes it."""


class Form(StrEnum):
    TEXT = "text"
    JSON = "json"
    HTML = "html"
    GITHUB = "github"
    GITLAB = "gitlab"


@dataclass(frozen=True, slots=True)
class Shard:
    shard: str
    """The stack's name without its organisation."""
    stack: str
    config_file: str
    """The config file's path from the project folder."""
    workspaces: tuple[str, ...]
    resources: int | None = None
    """Number of resources in the state. None if unknown."""


def shards(
    fleet: Annotated[
        str, typer.Argument(metavar="FLEET", help="The fleet, such as prod.", autocompletion=completion.stacks)
    ] = "",
    named: Annotated[str, typer.Option("--stack", "-s", help="Same as the argument, as in pulumi.")] = "",
    form: Annotated[Form, choice("--format", Form, "Output format.")] = Form.TEXT,
    only_changed: Annotated[
        bool,
        typer.Option("--only-changed", help="Leave out shards that `ambient up` would skip. Queries the cluster."),
    ] = False,
) -> None:
    """List a fleet's shards, as a plan of work for several machines."""
    name = one_stack(fleet, named)
    project = Project.find()
    fleets = find_fleets(project, name)
    if fleets is None:
        stop(f"{name} is a plain stack, and has no shards", f"ambient reshard {name} --shards N divides it")
    if plain := [stack.name for stack in fleets if stack.plain]:
        stop(f"{plain[0]} is a plain stack, and has no shards", "name the fleets one by one")
    if form is Form.HTML:
        decisions = [decide(fleet, ask_states(fleet), load_stack(stack_path(project, fleet.name))) for fleet in fleets]
        typer.echo(as_html(name, decisions, clock.now(), changed=only_changed), nl=False)
        return
    listed = [shard for fleet in fleets for shard in _shards(fleet, only_changed=only_changed)]
    match form:
        case Form.GITHUB:
            output = github(listed)
        case Form.GITLAB:
            output = gitlab(listed)
        case Form.JSON:
            output = json_text({"shards": plain_value(_with_resources(project, listed))})
        case _:
            output = _text(_with_resources(project, listed))
    typer.echo(output)


def _shards(fleet: Fleet, *, only_changed: bool) -> list[Shard]:
    """Return the shards according to files and config, optionally without those that `ambient up` would skip."""
    loaded = load_stack(stack_path(fleet.project, fleet.name))
    workspaces = divided(loaded, fleet.count)
    config_file = fleet.project.shown(fleet.config_file)
    skipped = decide(fleet, ask_states(fleet), loaded).up_to_date if only_changed else ()
    return [
        Shard(bare_name(fleet.stack(number)), fleet.stack(number), config_file, names)
        for number, names in sorted(workspaces.items())
        if number not in skipped
    ]


def _with_resources(project: Project, listed: list[Shard]) -> list[Shard]:
    """Return the shards with the number of resources in each state. Unknown if the backend does not respond."""
    try:
        answer = pulumi.PulumiEngine(project.folder).attempt("stack", "ls", "--json")
        states = read_stacks(answer.stdout) if answer.code == 0 else {}
    except AmbientError:
        states = {}
    known = {shard.stack: stack_of(states, shard.stack) for shard in listed}
    return [
        shard if (state := known[shard.stack]) is None else replace(shard, resources=state.resources)
        for shard in listed
    ]


def _text(shards: Sequence[Shard]) -> str:
    rows = (
        (shard.shard, shard.stack, str(len(shard.workspaces)), "-" if shard.resources is None else str(shard.resources))
        for shard in shards
    )
    return "\n".join(table(("SHARD", "STACK", "WORKSPACES", "RESOURCES"), rows))


def github(shards: Sequence[Shard]) -> str:
    """Return the `matrix` of a GitHub Actions job on one line, for `${{ fromJSON(needs.plan.outputs.matrix) }}`."""
    _check_most(shards, GITHUB_MOST, "a matrix of GitHub Actions")
    include = [
        {
            "shard": shard.shard,
            "stack": shard.stack,
            "config-file": shard.config_file,
            "workspaces": len(shard.workspaces),
        }
        for shard in shards
    ]
    return json.dumps({"include": include}, separators=(",", ":"), ensure_ascii=False)


def gitlab(shards: Sequence[Shard]) -> str:
    """Return a GitLab child pipeline that runs the job `.shard` of `GITLAB_INCLUDE` for every shard."""
    _check_most(shards, GITLAB_MOST, "parallel: matrix of GitLab")
    files = sorted({shard.config_file for shard in shards})
    matrix = [
        {"CONFIG_FILE": file, "STACK": [shard.stack for shard in shards if shard.config_file == file]} for file in files
    ]
    pipeline = {
        "include": [{"local": GITLAB_INCLUDE}],
        "shard": {"extends": ".shard", "resource_group": "$STACK", "parallel": {"matrix": matrix}},
    }
    return yaml.safe_dump(pipeline, sort_keys=False, allow_unicode=True, width=120).rstrip("\n")


def _check_most(shards: Sequence[Shard], most: int, what: str) -> None:
    if len(shards) > most:
        stop(f"{len(shards)} shards are more than {what} may have jobs, {most}", "ambient reshard FLEET --shards N")
