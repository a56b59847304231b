"""`ambient keys rotate`: write the next generation of keys into the stack's files."""

import re
from contextlib import nullcontext, suppress
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer

from ambient_components import clock
from ambient_components.cli import completion
from ambient_components.cli.edits import bucket_keys
from ambient_components.cli.edits.deployment import by_stack, require_passphrases, states_of
from ambient_components.cli.edits.renewal import Renew, require_now
from ambient_components.cli.keys.edit import (
    OverlapUntil,
    assumed,
    requested_before,
    rotation,
    rotation_lines,
    selected_keys,
    waiting_lines,
)
from ambient_components.cli.keys.now import KeyEdit, deployed_generations, naming_accounts, renewals
from ambient_components.cli.options import Keys, Now, StackOfKeys, StackOrKey, Yes, duration_of, misuse
from ambient_components.cli.prompts import stack_and_keys
from ambient_components.errors import refusal
from ambient_components.stackfile.loader import LoadedStack, load_stack
from ambient_components.stacks import pulumi
from ambient_components.stacks.deployed import KeyName
from ambient_components.stacks.project import Project, stack_path

EPILOG = """\
\b
examples:
  ambient keys rotate dev payments/ci                         the old key stays valid for some days
  ambient keys rotate dev payments/ci --overlap 3d            for three days
  ambient keys rotate dev payments/ci --overlap-until 2026-12-31    through that day
  ambient keys rotate dev payments/ci --leaked --now          the old key is revoked now
  ambient keys rotate dev --workspace payments                all keys of a workspace, after a person with edit or
                                                              admin, who could create tokens there, lost access
  ambient keys rotate dev --workspace payments --leaked --now --renew-accounts    and all other accounts of it
  ambient keys rotate payments/ci lab/nightly --stack dev     several keys

\b
It writes the next `generation` (a new identity with a new token) and `overlapUntil` (the last day of the old one) into
the stack's files. Comments, order and all other lines stay. Git remains the source of truth: review the diff and commit
it. The next generation is one more than the higher of the file's and the deployed one. A generation in the file that
is not deployed yet stays: the command is safe to repeat. If the state can't be read, the file's generation counts as
deployed.
By default the overlap is the key's own, in whole days and at least one, in the stack's time zone.

\b
Tokens are renewed before they expire without this command. Use it for a key that leaked or may have been copied, and
for keys that never expire.

\b
--now also deploys it, if the plan has exactly this change. Otherwise it prints the differences and deploys
nothing. Then it verifies at the cluster that the old tokens are refused and the new one is accepted, within 30 seconds.
With --leaked it also deletes the remaining objects of the old identity if the deployment fails, and names undeclared
RoleBindings that give access to everyone or, if the key had edit or admin, to groups and ServiceAccounts. Such a key
could also mint tokens of every ServiceAccount of the workspace, and nothing shows whether it did. The output names
these accounts. --renew-accounts ends the old keys first, then renews the accounts of the platform and of Kubernetes, so
that all their tokens are refused, and ends those of sessions: running sessions have to be started again.

\b
--leaked also writes the next generation of the credentials of the workspaces' own buckets, as every role can read them.
Sessions that run then lose the bucket. --now verifies that the store refuses the former ones. Credentials of the
platform's shared store are named with the page that says how to replace them.

\b
exit codes: 0 success, with --now also verified at the cluster; 1 error, other changes pending, or a key or undeclared
            access is still valid (each with a hint); 64 wrong usage; 130 Ctrl-C
"""

_COUNTED = refusal(
    "warning: the deployed generation is not known, so the next one is counted from the file",
    "if this checkout is not up to date, pull first",
)
_DAY = timedelta(days=1)
_DAY_FORM = re.compile(r"\d{4}-\d{2}-\d{2}")


def rotate(
    stack: StackOrKey = "",
    keys: Keys = None,
    named: StackOfKeys = "",
    workspace: Annotated[
        list[str] | None,
        typer.Option(
            "--workspace",
            "-w",
            metavar="W",
            help="All keys of this workspace. Can be repeated.",
            autocompletion=completion.workspaces,
        ),
    ] = None,
    overlap: Annotated[
        str,
        typer.Option("--overlap", metavar="DURATION", help="Minimum time that the old key stays valid, such as 3d."),
    ] = "",
    overlap_until: Annotated[
        str, typer.Option("--overlap-until", metavar="YYYY-MM-DD", help="The last day on which the old key is valid.")
    ] = "",
    leaked: Annotated[bool, typer.Option("--leaked", help="No overlap: the next run revokes the old key.")] = False,
    now: Now = False,
    renew: Renew = False,
    yes: Yes = False,  # noqa: ARG001  # nothing is asked, and scripts give it to every command
) -> None:
    """Rotate keys: write a new identity into the stack's files."""
    require_now(renew, now=now)
    if renew and not leaked:
        misuse(
            "--renew-accounts", "needs --leaked: in an overlap the old keys could still mint tokens of the new accounts"
        )
    stack, names = stack_and_keys(stack, keys or (), named)
    if sum(map(bool, (overlap, overlap_until, leaked))) > 1:
        misuse("--overlap", "only one of --overlap, --overlap-until and --leaked says when the old keys end")
    seconds = duration_of(overlap, "--overlap", "1y", "for no overlap at all: --leaked")
    last_day = _day(overlap_until)
    project = Project.find()
    loaded = load_stack(stack_path(project, stack))
    renewable = bucket_keys.renewable(loaded, workspace or ()) if leaked else {}
    keyless = [name for name in workspace or () if renew and _has_no_keys(loaded, name)]
    selected = selected_keys(loaded, names, workspace or (), {*renewable, *keyless})
    involved = dict.fromkeys([*(name for name, _ in selected), *renewable])
    here = clock.now().astimezone(loaded.file.timezone)
    if last_day is not None and last_day < here.date():
        misuse("--overlap-until", f"{last_day} is over, and --leaked ends the old keys at once")
    places = by_stack(project, stack, loaded, {key: key[0] for key in selected})
    engine = pulumi.engine_for(project.folder)
    with naming_accounts(loaded, selected if leaked else ()) if now else nullcontext():
        if now:
            require_passphrases(project, by_stack(project, stack, loaded, {name: name for name in involved}))
        states = states_of(engine, project, stack, places, None if now else _COUNTED)
    buckets = renewals(engine, project, stack, loaded, involved) if leaked and states is not None else {}
    deployed = assumed(loaded, selected) if states is None else deployed_generations(states)
    waiting: list[KeyName] = []
    if not leaked:
        given = bool(overlap or overlap_until)
        waiting = requested_before(loaded, selected, deployed, here, overlap_given=given)
    rotating = [key for key in selected if key not in waiting]

    def lines(after: LoadedStack) -> list[str]:
        return [*rotation_lines(loaded, after, rotating, deployed), *waiting_lines(after, waiting, deployed)]

    KeyEdit(engine, project, stack, loaded, places, buckets, now, renew).carry_out(
        rotation(loaded, rotating, ends(here, seconds, last_day, leaked=leaked), deployed),
        lines,
        leaked=involved if leaked else (),
        keyless=keyless,
    )


def _has_no_keys(loaded: LoadedStack, workspace: str) -> bool:
    entry = loaded.file.workspaces.get(workspace)
    return entry is not None and not entry.keys


def ends(here: datetime, seconds: int | None, last_day: date | None, *, leaked: bool) -> OverlapUntil:
    """Return a function for the last day of an old identity."""
    if leaked:
        return lambda _key, _name: None
    if last_day is not None:
        return lambda _key, _name: last_day
    if seconds is not None:
        # In UTC, so that 24 hours stay 24 hours when clocks change.
        until = (here.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(here.tzinfo).date()
        return lambda _key, _name: until
    return lambda key, _name: here.date() + max(1, -(-key.overlap_or_default() // 86_400)) * _DAY


def _day(text: str) -> date | None:
    if not text:
        return None
    with suppress(ValueError):
        if _DAY_FORM.fullmatch(text):
            return date.fromisoformat(text)
    return misuse("--overlap-until", f"{text!r} is not a day of the form YYYY-MM-DD, such as 2026-12-31")
