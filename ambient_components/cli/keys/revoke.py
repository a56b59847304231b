"""`ambient keys revoke`: remove keys from the stack's files."""

from contextlib import nullcontext

from ambient_components.cli.edits.deployment import NOT_KNOWN, STILL_DEPLOYED, by_stack, require_passphrases, states_of
from ambient_components.cli.edits.renewal import Renew, require_now
from ambient_components.cli.keys.edit import revocation, revocation_lines, selected_keys
from ambient_components.cli.keys.now import KeyEdit, former_keys, naming_accounts, renewals
from ambient_components.cli.options import Keys, Now, StackOfKeys, StackOrKey, Yes
from ambient_components.cli.prompts import stack_and_keys
from ambient_components.engine.names import parse_key_output
from ambient_components.stackfile.loader import load_stack
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import Project, stack_path

EPILOG = """\
\b
examples:
  ambient keys revoke dev payments/ci                     remove the entry; the next run revokes the key
  ambient keys revoke dev payments/ci --now               revoke it now
  ambient keys revoke payments/ci lab/nightly -s dev      several keys

\b
It removes the keys' entries and their comments from the stack's files. All other lines stay. Git remains the source of
truth: review the diff and commit it. If the key is still needed, give it a new identity instead:
  ambient keys rotate dev payments/ci --leaked

\b
--now also deploys it, as `ambient keys rotate --leaked --now` does: its help says what is verified, named and renewed.
A key that left the files before, and is still deployed, ends too.

\b
exit codes: 0 success, with --now also verified at the cluster; 1 error, other changes pending, or a key or undeclared
            access is still valid (each with a hint); 64 wrong usage; 130 Ctrl-C
"""


def revoke(
    stack: StackOrKey = "",
    keys: Keys = None,
    named: StackOfKeys = "",
    now: Now = False,
    renew: Renew = False,
    yes: Yes = False,  # noqa: ARG001  # nothing is asked, and scripts give it to every command
) -> None:
    """Revoke keys: remove their entries from the stack's files."""
    require_now(renew, now=now)
    stack, names = stack_and_keys(stack, keys or (), named)
    project = Project.find()
    loaded = load_stack(stack_path(project, stack))
    engine, entries = pulumi.engine_for(project.folder), loaded.file.workspaces
    keys_named = [key for key in map(parse_key_output, names) if key is not None and key[0] in entries]
    places = by_stack(project, stack, loaded, {key: key[0] for key in keys_named})
    missing = {key: key[0] for key in keys_named if key[1] not in entries[key[0]].keys}
    with naming_accounts(loaded, keys_named) if now else nullcontext():
        if now:
            require_passphrases(project, places)
        lost = by_stack(project, stack, loaded, missing)
        states = states_of(engine, project, stack, lost, None if now else NOT_KNOWN)
        former = former_keys(states or ())
    selected = selected_keys(loaded, names, (), former=former, settled=states is not None)
    written = [key for key in selected if key not in former]
    workspaces = sorted({name for name, _ in selected})
    buckets = renewals(engine, project, stack, loaded, workspaces) if now else {}
    lines = [*revocation_lines(loaded, written), *(f"{'/'.join(key)}: {STILL_DEPLOYED}" for key in former)]
    KeyEdit(engine, project, stack, loaded, places, buckets, now, renew, revoked=True, former=former).carry_out(
        revocation(written), lambda _: lines, leaked=workspaces
    )
