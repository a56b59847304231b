"""Refusal of changes between the deployed and the new access ledger of a stack.

The ledger never contains a secret, because every diff shows it.
"""

from datetime import datetime
from typing import Final

from ambient_components.access.access_tests import broken_tests
from ambient_components.access.bindings import expected_objects, subject_bindings
from ambient_components.access.buckets import bucket_refusals, sharing_refusals
from ambient_components.access.entries import NOTHING, Entry, Ledger, workspace_refusal
from ambient_components.access.guardrails import crossed
from ambient_components.errors import Problem, refusal
from ambient_components.model.guardrails import BUILT_IN, GuardrailsRecord
from ambient_components.model.keys import KeyRecord
from ambient_components.platform.naming import PLATFORM_GENERATION
from ambient_components.rules.refusals import Rule
from ambient_components.rules.workspaces import CLOSED, RELEASED

_BONES: Final = ("owners", "grants", "keys", "secrets", "settings", "limits", "bucket")
"""Fields that must not change in a release, because they are objects in the cluster."""


def refusals(
    before: Ledger,
    after: Ledger,
    guardrails: GuardrailsRecord = BUILT_IN,
    now: datetime | None = None,
) -> list[Problem]:
    """Return the refusals of a change; none if it may be deployed.

    An entry may leave the files only after a run in which it was closed or released: a mistake (a file not read, a line
    deleted in a merge) must not delete a namespace with its content.
    """
    problems = [
        refusal(
            f"workspace {name!r} is gone from the files, but it was not closed: nothing is changed",
            "if that is a mistake, put the entry back",
            "to delete the workspace, write 'state: closed' in its entry and deploy, which ends every grant and key, "
            "then remove the entry and deploy again, which deletes the namespace",
            "to keep all of it and only stop managing it, write 'state: released', deploy, and then remove the entry",
            rule=Rule.NOT_CLOSED,
            workspaces=(name,),
        )
        for name in sorted(before.keys() - after.keys())
        if not (before[name].is_closed or before[name].is_released)
    ]
    problems += [
        workspace_refusal(
            name,
            "there is nothing to release: this stack has not deployed it",
            "remove the entry",
            rule=Rule.NOT_DEPLOYED,
        )
        for name in sorted(after.keys() - before.keys())
        if after[name].is_released
    ]
    problems += [problem for name in sorted(after) for problem in _dates_kept_by_nobody(name, after[name])]
    for name in sorted(after.keys() - before.keys()):
        problems += bucket_refusals(name, NOTHING, after[name])
    for name in sorted(before.keys() & after.keys()):
        problems += _taken_over(name, before[name], after[name])
        problems += _going_back(name, before[name], after[name])
        problems += _other_accounts(name, before[name], after[name])
        problems += _overlaps(name, before[name], after[name])
        problems += _released(name, before[name], after[name])
        if not (before[name].is_released or after[name].is_released):
            problems += bucket_refusals(name, before[name], after[name])
    problems += sharing_refusals(before, after)
    problems += [broken.refusal() for broken in broken_tests(after, guardrails, now)]
    return problems + [guardrail.refusal for guardrail in crossed(before, after, guardrails, now)]


def _taken_over(workspace: str, before: Entry, after: Entry) -> list[Problem]:
    """Refuse a subject's object with the name that another subject's object has until this run.

    The engine would create the new one by taking the object over, and then delete the old one: the same object. The new
    subject would have no access, although the state says it has.
    """
    old, new = _object_names(before), _object_names(after)
    return [
        workspace_refusal(
            workspace,
            f"{new[name]} can't take the place of {old[name]} in one run: both are kept in an object called {name}",
            f"remove {old[name]} and deploy, then add {new[name]} and deploy",
            rule=Rule.SAME_OBJECT,
        )
        for name in sorted(old.keys() & new.keys())
        if old[name] != new[name]
    ]


def _released(workspace: str, before: Entry, after: Entry) -> list[Problem]:
    """Refuse changes beside the state in a run that releases a workspace, keeps it released or takes it back.

    All objects of a released workspace are kept when they leave the state: a grant that is removed or replaced in such
    a run would leave the record and stay in the cluster as undeclared access.
    """
    was, is_now = before.state, after.state
    if RELEASED not in (was, is_now):
        return []
    if CLOSED in (was, is_now):
        return [
            refusal(
                f"workspace {workspace!r} is {was}: it can't be {is_now} at once",
                f"write 'state: active' and deploy, then 'state: {is_now}' and deploy",
                rule=Rule.RELEASE_ALONE,
                workspaces=(workspace,),
            )
        ]
    # The end of an overlap is a change of time only, and adopt only decides about a bucket's ownership.
    old, new = _to_compare(before), _to_compare(after)
    changed = [name for name in _BONES if getattr(old, name) != getattr(new, name)]
    if not changed:
        return []
    when = "as it was deployed last" if was != RELEASED else "as it was released"
    return [
        refusal(
            f"workspace {workspace!r} is {'released' if is_now == RELEASED else 'taken back'} in this run, and its "
            f"{' and '.join(changed)} would change in the same one",
            f"leave the entry {when} but for its state, and deploy",
            "make other changes in a run of their own, while the state is active",
            rule=Rule.RELEASE_ALONE,
            workspaces=(workspace,),
        )
    ]


def _dates_kept_by_nobody(workspace: str, entry: Entry) -> list[Problem]:
    """Refuse dates of grants in a released workspace: no run would end or create those grants."""
    dated = sorted(entry.dates) if entry.is_released else []
    if not dated:
        return []
    return [
        refusal(
            f"workspace {workspace!r} is released, and no run begins or ends its grants then, but there are dates for "
            f"{' and '.join(dated)}",
            "remove from and until of a grant that holds: it then stays",
            "remove the line of one that does not",
            rule=Rule.RELEASE_ALONE,
            workspaces=(workspace,),
        )
    ]


def _object_names(entry: Entry) -> dict[str, str]:
    """Return the subject of each RoleBinding, by the RoleBinding's name."""
    return {binding.name: text for text, _, binding in subject_bindings(entry)}


def _going_back(workspace: str, before: Entry, after: Entry) -> list[Problem]:
    """Refuse a lower generation of a key: the current identity would end before the new one is created."""
    old, new = before.keys, after.keys
    return [
        workspace_refusal(
            workspace,
            f"key {key!r}: generation {new[key].generation} is behind the deployed "
            f"{old[key].generation}, and generations only go up",
            f"write {old[key].generation + 1} for a new identity",
            rule=Rule.GENERATION,
        )
        for key in sorted(old.keys() & new.keys())
        if new[key].generation < old[key].generation
    ]


def _other_accounts(workspace: str, before: Entry, after: Entry) -> list[Problem]:
    """Refuse another ServiceAccount for an identity that stays valid: all its tokens would end."""
    problems = []
    for key_id in sorted(before.keys.keys() & after.keys.keys()):
        old, new = before.keys[key_id], after.keys[key_id]
        stays = PLATFORM_GENERATION in {*old.generations} & {*new.generations}
        if not stays or old.service_account == new.service_account:
            continue
        back = (
            f"write serviceAccount: {old.service_account} in its entry again"
            if old.service_account
            else "remove serviceAccount: this stack has made the key. To adopt another one, give it an id of its own"
        )
        problems.append(
            workspace_refusal(
                workspace,
                f"key {key_id!r}: the ServiceAccount of generation {PLATFORM_GENERATION} "
                f"would change from {old.account(workspace, key_id, PLATFORM_GENERATION)} to "
                f"{new.account(workspace, key_id, PLATFORM_GENERATION)}, and every token of it would end",
                back,
                f"write generation: {max(old.generation, new.generation) + 1} for a new identity",
                rule=Rule.GENERATION,
            )
        )
    return problems


def _overlaps(workspace: str, before: Entry, after: Entry) -> list[Problem]:
    """Refuse an overlap with an identity that does not exist or would change."""
    problems = []
    for key_id, key in sorted(after.keys.items()):
        kept, was = key.overlapping, before.keys.get(key_id)
        if not kept or (was is None and key.is_of_platform(kept)):
            # The preflight looks for an identity of the platform in the cluster.
            continue
        if was is None or kept not in was.generations:
            has = f"it had generation {was.generation}" if was else "it had no such key"
            or_write = f", or write generation: {was.generation + 1}" if was and was.generation < kept else ""
            what = (
                f"overlapUntil keeps the identity of generation {kept}, and the last deployment had none: {has}",
                f"remove overlapUntil{or_write}",
            )
        elif kept == was.generation and (changes := _changes_of_identity(was, key)):
            what = (
                f"its {changes} in the run that makes generation {key.generation}, and the identity of generation "
                f"{kept} stays valid with its own",
                "deploy one of the two changes first",
            )
        else:
            continue
        problem, hint = what
        problems.append(workspace_refusal(workspace, f"key {key_id!r}: {problem}", hint, rule=Rule.OVERLAP))
    return problems


def _changes_of_identity(was: KeyRecord, key: KeyRecord) -> str:
    if was.role != key.role:
        return f"role changes from {was.role} to {key.role}"
    changes_user = not key.is_of_platform(was.generation) and was.acts_as != key.acts_as
    return "actsAs changes" if changes_user else ""


def _to_compare(entry: Entry) -> Entry:
    """Return an entry without the fields that may differ in a release."""
    keys = {key_id: key.model_copy(update={"overlapping": None}) for key_id, key in entry.keys.items()}
    bucket = entry.bucket and entry.bucket.model_copy(update={"adopt": False})
    return entry.model_copy(update={"keys": keys, "bucket": bucket})


def object_names(workspace: str, entry: Entry) -> set[tuple[str, str]]:
    """Return kind and name of all objects with an entry's access: RoleBindings and the ServiceAccounts of keys."""
    return set(expected_objects(workspace, entry))
