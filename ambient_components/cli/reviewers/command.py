"""`ambient reviewers`: the workspaces that a change affects, and the reviewers that it needs."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from ambient_components.cli.options import format_option, misuse
from ambient_components.cli.prompts import one_stack
from ambient_components.cli.reviewers.codeowners import as_codeowners, owners
from ambient_components.cli.reviewers.revisions import WORKING_TREE, Repository, changes, versions
from ambient_components.cli.tables import plain_value
from ambient_components.errors import stop
from ambient_components.output import Format, Paint, from_here, paint_for, plain
from ambient_components.platform.subjects import parse_subject
from ambient_components.printable import json_text
from ambient_components.stackfile.files import DISK, Files
from ambient_components.stackfile.ownership import Because, How, Need, Touched, Version
from ambient_components.stacks.project import STACK_FILES, Project, bare_name

_WHY: Final = {Because.BEFORE: "", Because.STACK: "of the stack", Because.AFTER: "named by this change"}


def as_text(items: Sequence[Touched], paint: Paint = plain) -> str:
    if not items:
        return "This change touches no workspace."
    lines: list[str] = []
    for stack in dict.fromkeys(item.stack for item in items):
        rows = [_row(item) for item in items if item.stack == stack]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        lines += [*([""] if lines else []), paint(stack, "bold")]
        for item, (name, how, who) in zip((item for item in items if item.stack == stack), rows, strict=True):
            line = f"  {name.ljust(widths[0])}  {how.ljust(widths[1])}  "
            lines.append(line + (who if item.guarded else paint(f"! {who}", "loud")))
    approvals = _approvals(items)
    if approvals:
        lines += ["", "approvals, one of each line:", *(f"  {' or '.join(approval)}" for approval in approvals)]
    unguarded = sum(not item.guarded for item in items)
    if unguarded:
        text = f"for {unguarded} of {len(items)} no reviewer was named before this change"
        lines += ["", paint(text, "loud")]
    return "\n".join(lines)


def as_json(items: Sequence[Touched], before: str, after: str) -> str:
    record = {
        "change": {"from": before, "to": after},
        "touched": [{**plain_value(item), "guarded": item.guarded} for item in items],
        "approvals": [list(approval) for approval in _approvals(items)],
    }
    return json_text(record)


def _approvals(items: Iterable[Touched]) -> list[tuple[str, ...]]:
    return sorted({need.one_of for item in items for need in item.needs})


def _row(item: Touched) -> tuple[str, str, str]:
    how = f"{item.how.value}: {', '.join(item.fields)}" if item.how is How.CHANGED else item.how.value
    # The stack's name is in the line above. No workspace can have this name.
    who = "; and ".join(_need(need) for need in item.needs) or "no reviewer is named"
    return item.workspace or "(the stack)", how, who


def _need(need: Need) -> str:
    why = _WHY[need.because]
    return " or ".join(need.one_of) + (f" ({why})" if why else "")


ATTENTION = 2
"""Exit code if a change affects something without reviewers before the change."""

EPILOG = """\
\b
examples:
  ambient reviewers --change main HEAD                  all stacks of the project
  ambient reviewers prod --change main .                one stack; . means the files on disk
  ambient reviewers --change "$(git merge-base origin/main HEAD)" HEAD --format json | jq '.approvals'
  ambient reviewers --codeowners --handle group:payments-leads=@my-org/payments-leads

\b
It reads only Git and the stack files: no engine, no cluster, no secret. A change affects a workspace if any of its
merged values changes: by its entry, by defaults, a template, an included file, or the stack's time zone.
Reviewers from before the change and reviewers added by it must approve. New workspaces and workspaces without
reviewers need those of the stack's `defaults`, as do changes of the whole stack.

\b
json:   {"change": {"from", "to"}, "approvals": [[SUBJECT, ...], ...],
         "touched": [{"stack", "workspace", "how", "fields", "needs": [{"oneOf", "because"}], "guarded"}, ...]}
        one subject of each list must approve; workspace is null for the whole stack; how is new, changed or removed;
        because is before, stack (reviewers of the stack's defaults) or after (added by the change)
--codeowners: a line for each file on disk that belongs to one set of reviewers. Other files become comments.

\b
exit codes: 0 success; 1 error; 2 the change affects something without reviewers before the change; 64 wrong usage;
            130 Ctrl-C
"""


def reviewers(
    stacks: Annotated[
        list[str] | None, typer.Argument(metavar="STACK", help="The stacks. Default: all stacks of the project.")
    ] = None,
    named: Annotated[str, typer.Option("--stack", "-s", help="Same as one STACK, as in pulumi.")] = "",
    change: Annotated[
        tuple[str, str] | None,
        typer.Option("--change", metavar="A B", help="Git revisions before and after. `.` means the files on disk."),
    ] = None,
    form: Annotated[Format, format_option("Output format.", Format.TEXT, Format.JSON)] = Format.TEXT,
    codeowners: Annotated[bool, typer.Option("--codeowners", help="Print a CODEOWNERS file instead.")] = False,
    handle: Annotated[
        list[str] | None,
        typer.Option("--handle", metavar="SUBJECT=@NAME", help="A subject's name on the forge. Default: @NAME."),
    ] = None,
) -> None:
    """Show which workspaces a change affects, and which reviewers it needs."""
    if codeowners == (change is not None):
        misuse("--change", "what is asked for? Either --change A B or --codeowners")
    handles = dict(map(_handle, handle or ()))
    names = _stacks(stacks or (), named)
    folder = from_here(Project.find().folder / STACK_FILES)
    repository = Repository(Path.cwd())
    if change is None:
        _print_codeowners(repository, folder, names, handles)
    else:
        _print_change(repository, folder, names, change, form)


def _print_change(
    repository: Repository, folder: str, names: Sequence[str], change: tuple[str, str], form: Format
) -> None:
    with repository.files(change[0]) as old, repository.files(change[1]) as new:
        before = _versions(old, folder, names, change[0])
        after = _versions(new, folder, names, change[1])
        _refuse_unknown(names, {**before, **after})
        items = changes(before, after)
    if form is Format.JSON:
        print(as_json(items, *change))
    else:
        print(as_text(items, paint_for(sys.stdout)))
    if not all(item.guarded for item in items):
        raise typer.Exit(ATTENTION)


def _print_codeowners(repository: Repository, folder: str, names: Sequence[str], handles: Mapping[str, str]) -> None:
    stacks = _versions(DISK, folder, names, WORKING_TREE)
    _refuse_unknown(names, stacks)
    print(as_codeowners(owners(stacks, repository.from_top), handles))


def _versions(files: Files, folder: str, names: Sequence[str], revision: str) -> Mapping[str, Version]:
    called = "" if revision == WORKING_TREE else revision
    return versions(folder, files, names, called)


def _stacks(arguments: Sequence[str], option: str) -> list[str]:
    return [bare_name(one_stack(name, "")) for name in dict.fromkeys([*arguments, *([option] if option else [])])]


def _refuse_unknown(names: Sequence[str], stacks: Mapping[str, Version]) -> None:
    for name in names:
        if name not in stacks:
            stop(f"stack {name!r} has no file, neither before nor after", "name another, or none for all")


def _handle(text: str) -> tuple[str, str]:
    subject, equals, name = text.rpartition("=")
    try:
        parse_subject(subject)
    except ValueError:
        equals = ""
    if not (equals and name):
        misuse(
            "--handle",
            f"{text!r} is not of the form SUBJECT=@NAME, such as group:payments-leads=@my-org/payments-leads",
        )
    return subject, name
