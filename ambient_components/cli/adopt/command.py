"""`ambient adopt`: existing workspaces of a cluster as YAML, and the proof that nothing changes."""

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import typer

from ambient_components import activity, clock
from ambient_components.adoption.files import Layout
from ambient_components.adoption.proof import Proof, live_objects
from ambient_components.adoption.summary import counts, sections
from ambient_components.adoption.workspaces import RefusedRule
from ambient_components.cli.adopt.adopting import Adoption, Wish, adoption, read, write
from ambient_components.cli.adopt.check import check
from ambient_components.cli.adopt.lost_keys import adopt_keys
from ambient_components.cli.options import MoreWorkspaces, NamedStack, Workspaces, Yes, choice, format_option, misuse
from ambient_components.cli.prompts import stack_and_workspaces
from ambient_components.documentation import page
from ambient_components.output import CHANGES, Format, from_here, paint_for, show_problem
from ambient_components.printable import json_text, one_line
from ambient_components.stacks.project import STACK_FILES, Project
from ambient_components.stacks.pulumi import require_passphrase

_SHOWN: Final = 8
EPILOG = f"""\
\b
examples:
  ambient adopt dev                                   all workspaces of the cluster, into stacks/dev.yaml
  ambient adopt dev payments research                 only these
  ambient adopt dev --dry-run                         print the changes of the files as a diff
  ambient adopt dev --layout per-workspace            a file for each workspace, in stacks/dev/
  ambient adopt dev --check                           only check the entries that exist
  ambient adopt dev --format json | jq '.check.differences'
  ambient adopt dev --keys                            after a lost state: the lines that keep the keys' tokens

\b
The cluster is only read, with one list request for each kind of object. Values of secrets are never kept: their names
are written as comments, and a person gives each a source. Existing entries and files stay: to read a workspace again,
remove its entry first.
At the end the stack is previewed, and each change besides ownership is listed. A second run adopts what is missing.
The tutorial: {page("tasks/adopt")}

\b
--keys is for entries that a run deployed before its state was lost. It writes `adopt: [ACCOUNT]` to each key with an
account in the cluster that no state records. After the next run, the same command takes the lines out again:
{page("tasks/killed-run", "a-lost-state")}

\b
exit codes: 0 success, and a run changes nothing but ownership; 1 error; 2 a run would change more (see the list);
            64 wrong usage; 130 Ctrl-C
"""


def adopt(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="The stack, such as dev. Default: the only one.")] = "",
    names: MoreWorkspaces = None,
    named: NamedStack = "",
    workspaces: Workspaces = None,
    layout: Annotated[Layout, choice("--layout", Layout, "The files that get the entries.")] = Layout.ONE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the changes of the files, and write nothing.")
    ] = False,
    checks: Annotated[
        bool | None,
        typer.Option(
            "--check/--no-check",
            help="Only check existing entries by a preview, or only write. Default: both.",
            show_default=False,
        ),
    ] = None,
    keys: Annotated[
        bool, typer.Option("--keys", help="After a lost state: write or remove the keys' adopt lines.")
    ] = False,
    yes: Yes = False,  # noqa: ARG001  # nothing is asked, and scripts give it to every command
    form: Annotated[Format, format_option("Output format.", Format.TEXT, Format.JSON)] = Format.TEXT,
) -> None:
    """Write existing workspaces of the cluster as YAML, and prove that nothing changes."""
    stack, chosen = stack_and_workspaces(stack, names, named, workspaces)
    wish = Wish(stack, tuple(chosen), layout)
    _check_usage(checks=checks, dry_run=dry_run, form=form)
    if keys:
        _check_usage_of_keys(checks=checks, layout=layout, form=form)
    project = Project.find()
    if keys:
        print(*adopt_keys(project, stack, chosen, dry_run=dry_run), sep="\n")
        return
    with activity.waiting(f"Reading the workspaces in the cluster of {stack}"):
        objects = read(project, stack, wish.workspaces)
    adopted = adoption(project, wish, objects, clock.now())
    if dry_run:
        print(adopted.diff, end="")
        print("\n".join(_summary(adopted)), file=sys.stderr)
        _show_refused(adopted)
        return
    if checks is not False:
        require_passphrase(project, stack)
    if checks:
        adopted = adopted.as_it_is
    write(adopted)
    checked = checks is not False and bool(adopted.managed)
    proof = check(project, stack, adopted.managed, live_objects(objects)) if checked else None
    if form is Format.JSON:
        print(json_text(_document(stack, adopted, proof)))
    else:
        print("\n".join(_text(stack, adopted, proof)))
        _show_refused(adopted)
    if proof is not None and proof.problems:
        raise typer.Exit(1)
    if adopted.unclaimed or (proof is not None and not proof.clean):
        raise typer.Exit(CHANGES)


def _check_usage(*, checks: bool | None, dry_run: bool, form: Format) -> None:
    if checks and dry_run:
        misuse("--check", "writes nothing: leave --dry-run out")
    if dry_run and form is not Format.TEXT:
        misuse("--dry-run", "prints the changes as a diff: leave --format out, or --dry-run")


def _check_usage_of_keys(*, checks: bool | None, layout: Layout, form: Format) -> None:
    others = {"--check": checks is not None, "--layout": layout is not Layout.ONE, "--format": form is not Format.TEXT}
    for option, given in others.items():
        if given:
            misuse("--keys", f"only edits the entries of keys: leave {option} out")


def _show_refused(adopted: Adoption) -> None:
    for refusal in adopted.refused:
        if refusal.rule is not RefusedRule.PLATFORM:
            show_problem(refusal.as_problem)


def _text(stack: str, adopted: Adoption, proof: Proof | None) -> Iterator[str]:
    yield from _summary(adopted)
    if proof is not None:
        yield ""
        yield from _proof_lines(proof)
    yield ""
    yield "Next:"
    yield from (f"  {step}" for step in _steps(stack, adopted))


def _summary(adopted: Adoption) -> Iterator[str]:
    paint, summary = paint_for(sys.stdout), adopted.summary
    if adopted.checks_only:
        yield f"Entries that are checked: {len(adopted.managed)}"
    elif adopted.adopted:
        yield f"Adopted {counts(summary)} into {_files(adopted)}"
    else:
        yield "Nothing to adopt: every workspace of the cluster has an entry, or can't have one"
    if adopted.declared and not adopted.checks_only:
        yield f"Unchanged: {_few(adopted.declared)} (remove an entry to have it written again)"
    for name in adopted.unclaimed:
        yield paint(f"{name}: its entry has no `adopt: true`, so a run is refused. Add it, or remove the entry", "loud")
    for heading, lines in sections(summary):
        yield ""
        yield paint(heading, "bold")
        yield from (f"  {one_line(line)}" for line in lines[:_SHOWN])
        if len(lines) > _SHOWN:
            yield f"  … and {len(lines) - _SHOWN} more (--format json has all)"


def _steps(stack: str, adopted: Adoption) -> Iterator[str]:
    if adopted.summary.notes:
        yield "read the comments in the entries: what they say is not in the files"
    if adopted.texts:
        yield f"git add --intent-to-add {STACK_FILES} && git diff {STACK_FILES}"
    yield f"ambient plan {stack}"
    yield f"ambient up {stack}"


def _proof_lines(proof: Proof) -> Iterator[str]:
    if proof.problems:
        yield "A run of this stack would fail:"
        yield from (f"  {problem.text}" for problem in proof.problems)
    elif proof.clean:
        yield f"Checked: a run changes nothing but ownership ({proof.adopted} objects)"
    else:
        yield f"A run changes {len(proof.differences)} more than ownership:"
    yield from (f"  {difference}" for difference in proof.differences[:_SHOWN])
    if len(proof.differences) > _SHOWN:
        yield f"  … and {len(proof.differences) - _SHOWN} more (--format json has all)"
    if proof.others:
        yield f"The stack has {proof.others} changes elsewhere (ambient plan)"


def _files(adopted: Adoption) -> str:
    return _few(sorted({from_here(path) for path in adopted.adopted.values()}))


def _few(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _document(stack: str, adopted: Adoption, proof: Proof | None) -> dict[str, Any]:
    return {
        "stack": stack,
        "files": [from_here(path) for path in adopted.texts],
        "adopted": {name: from_here(path) for name, path in sorted(adopted.adopted.items())},
        "declared": list(adopted.declared),
        "refused": [
            {"workspace": refusal.name, "rule": refusal.rule, "problem": refusal.problem, "hint": refusal.hint}
            for refusal in adopted.refused
        ],
        **adopted.summary.document(),
        "unclaimed": list(adopted.unclaimed),
        "check": proof.document() if proof else None,
    }
