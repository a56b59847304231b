"""`ambient shards`: a fleet's shards, for people and for runners on other machines."""

from collections.abc import Collection
from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import typer

from ambient_components import clock
from ambient_components.cli import completion
from ambient_components.cli.options import choice
from ambient_components.cli.prompts import one_stack
from ambient_components.cli.shards import formats
from ambient_components.cli.shards.formats import Shard
from ambient_components.documentation import page
from ambient_components.engine.backend import read_stacks, stack_of
from ambient_components.errors import AmbientError, fail
from ambient_components.fleet.decisions import ask_states, decide
from ambient_components.fleet.page import as_html
from ambient_components.fleet.skipping import RunOptions
from ambient_components.stackfile.loader import LoadedStack, divided, load_stack
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import Project, stack_path
from ambient_components.stacks.selection import Fleet, find_fleets

EPILOG = f"""\
\b
examples:
  ambient shards prod                          each shard with stack, workspaces and number of resources
  ambient shards prod --format html > fleet.html      each shard's result, last run and next date. Queries the cluster.
  ambient shards prod --format github          matrix={{"include": [...]}}: fromJSON in GitHub Actions
  ambient shards prod --format gitlab > shards.yaml       a child pipeline with parallel: matrix
  ambient shards prod --format operator --repo https://git.example.com/platform/workspaces.git | kubectl apply -f -

\b
Shards can run on separate machines at the same time: pulumi up --stack STACK --config-file FILE. The formats github,
gitlab and operator depend only on the files and the config, so equal files give equal output.
What to do with it: {page("guides/pipeline", "a-fleet")}

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""


class Form(StrEnum):
    TEXT = "text"
    JSON = "json"
    HTML = "html"
    GITHUB = "github"
    GITLAB = "gitlab"
    OPERATOR = "operator"


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
    repo: Annotated[
        str, typer.Option("--repo", metavar="URL", help="Git repository of the project (operator only).")
    ] = "",
    branch: Annotated[
        str, typer.Option("--branch", metavar="NAME", help="Branch of the repository (operator only).")
    ] = "main",
    folder: Annotated[
        str,
        typer.Option(
            "--dir", metavar="PATH", help="Project folder in the repository (operator only). Default: the top."
        ),
    ] = "",
    namespace: Annotated[
        str, typer.Option("--namespace", metavar="NAME", help="Namespace of the resources (operator only).")
    ] = "",
    account: Annotated[
        str, typer.Option("--service-account", metavar="NAME", help="ServiceAccount of the runs (operator only).")
    ] = "pulumi",
    backend: Annotated[
        str, typer.Option("--backend", metavar="URL", help="Backend for the state (operator only).")
    ] = "",
    passphrase: Annotated[
        str,
        typer.Option("--passphrase-secret", metavar="NAME", help="Secret with the key `passphrase` (operator only)."),
    ] = "",
) -> None:
    """List a fleet's shards, as a plan of work for several machines."""
    name = one_stack(fleet, named)
    if (form is Form.OPERATOR) != bool(repo):
        msg = (
            "the operator fetches the project by itself: give --repo URL" if not repo else "for --format operator alone"
        )
        raise typer.BadParameter(msg, param_hint="--repo")
    project = Project.find()
    found = find_fleets(project, name)
    if found is None:
        fail(None, "", f"{name} is a plain stack, and has no shards", f"ambient reshard {name} --shards N divides it")
    if plain := [one.name for one in found if one.plain]:
        fail(None, "", f"{plain[0]} is a plain stack, and has no shards", "name the fleets one by one")
    if form is Form.HTML:
        decisions = [decide(one, ask_states(one), RunOptions()) for one in found]
        typer.echo(as_html(name, decisions, clock.now(), changed=only_changed), nl=False)
        return
    listed = [shard for one in found for shard in _shards(one, only_changed=only_changed)]
    match form:
        case Form.TEXT:
            text = formats.text(_with_resources(project, listed))
        case Form.JSON:
            text = formats.as_json(_with_resources(project, listed))
        case Form.GITHUB:
            text = formats.github(listed)
        case Form.GITLAB:
            text = formats.gitlab(listed)
        case Form.OPERATOR:
            target = formats.Operator(repo, branch, folder, namespace, account, backend, passphrase)
            text = formats.operator(listed, target)
    typer.echo(text, nl=False)


def _shards(fleet: Fleet, *, only_changed: bool) -> list[Shard]:
    """Return the shards according to files and config, optionally without unchanged ones.

    Raises:
        AmbientError: The files are invalid.
    """
    loaded = load_stack(stack_path(fleet.project, fleet.name))
    found = divided(loaded, fleet.count)
    config_file = fleet.project.shown(fleet.config_file)
    skipped = _up_to_date(fleet, loaded) if only_changed else ()
    return [
        Shard(fleet.stack(number), config_file, names)
        for number, names in sorted(found.items())
        if number not in skipped
    ]


def _up_to_date(fleet: Fleet, loaded: LoadedStack) -> Collection[int]:
    """Return the numbers of shards that had a successful `ambient up` and no change since."""
    return decide(fleet, ask_states(fleet), RunOptions(), loaded=loaded).up_to_date


def _with_resources(project: Project, listed: list[Shard]) -> list[Shard]:
    """Return the shards with the number of resources in each state. Unknown if the backend does not respond."""
    try:
        answer = pulumi.PulumiEngine(project.folder).attempt("stack", "ls", "--json")
        states = read_stacks(answer.stdout) if answer.code == 0 else {}
    except AmbientError:
        states = {}
    known = {one.stack: stack_of(states, one.stack) for one in listed}
    return [
        replace(one, resources=state.resources) if (state := known[one.stack]) is not None else one for one in listed
    ]
