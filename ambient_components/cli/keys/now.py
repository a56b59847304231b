"""Immediate deployment of changed keys, verified at the cluster. For `--now` of `ambient keys rotate` and `revoke`."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ambient_components import activity, clock
from ambient_components.access.entries import NOTHING, Ledger
from ambient_components.access.remaining import Holder
from ambient_components.cli.edits.bucket_keys import editable, following, renewable
from ambient_components.cli.edits.deployment import Deployment, by_stack, next_steps
from ambient_components.cli.edits.pending import Aim, Pending, lacking_buckets, lacking_keys, of_keys
from ambient_components.cli.edits.renewal import Renewal, renew_accounts
from ambient_components.cli.edits.survey import survey
from ambient_components.cli.keys.bearer_check import Bearers
from ambient_components.cli.keys.bucket_proof import FormerAccess, former_access
from ambient_components.cli.keys.edit import Recorded
from ambient_components.cli.keys.proof import Witness
from ambient_components.cluster.objects import listing
from ambient_components.engine.backend import export, export_with_secrets
from ambient_components.engine.command import Engine
from ambient_components.engine.state import Export
from ambient_components.errors import AmbientError, Problem, StepError, refusal
from ambient_components.program.calendar import Calendar
from ambient_components.program.ledger import ledger_of
from ambient_components.stackfile.loader import LoadedStack
from ambient_components.stacks.deployed import Identity, KeyName
from ambient_components.stacks.project import Project
from ambient_components.stacks.reading import identities, ledger_from_state


@dataclass(frozen=True, slots=True)
class KeyDeployment(Deployment):
    """The deployment of one stack, with the intended results for its keys."""

    aims: Mapping[KeyName, Aim]
    declared: Ledger
    """The declared access of the keys' workspaces."""
    buckets: Mapping[str, int] = field(default_factory=dict)
    """The generation of its bucket's credentials for each workspace where they are renewed."""
    renews: bool = False
    """Whether the other accounts of these workspaces are renewed."""

    @property
    def holder(self) -> Holder:
        """Who had the keys that end, with the workspaces in which they could mint tokens and make RoleBindings."""
        ending = {key for key, aim in self.aims.items() if aim.at_once}
        names = [f"{workspace}/{key}" for workspace, key in sorted(ending)]
        makes = frozenset(key[0] for key in ending if self.aims[key].makes)
        title = f"{'the keys' if len(names) > 1 else 'key'} {listing(names)}"
        return Holder(title, frozenset(), makes, frozenset(ending))


def deployed_generations(engine: Engine, places: Mapping[str, Collection[KeyName]]) -> dict[KeyName, Recorded]:
    """Return the generations of keys that their stacks have on record."""
    found: dict[KeyName, Recorded] = {}
    for stack, keys in places.items():
        found |= recorded(export(engine, stack), keys)
    return found


def recorded(export: Export, keys: Collection[KeyName]) -> dict[KeyName, Recorded]:
    """Return the generations of some keys that a state has on record."""
    ledger = ledger_from_state(export) or {}
    made: dict[KeyName, int] = {}
    for identity in identities(export, keys):
        made[identity.selected] = max(identity.generation, made.get(identity.selected, 0))
    found = {}
    for workspace, key_id in keys:
        key = ledger.get(workspace, NOTHING).keys.get(key_id)
        found[workspace, key_id] = Recorded(made.get((workspace, key_id), 0), key.generation if key is not None else 0)
    return found


def deployed_buckets(engine: Engine, places: Mapping[str, Collection[str]]) -> dict[str, int]:
    found = {}
    for stack, workspaces in places.items():
        ledger = ledger_from_state(export(engine, stack)) or {}
        for name in workspaces:
            bucket = ledger[name].bucket if name in ledger else None
            if bucket is not None and bucket.generation:
                found[name] = bucket.generation
    return found


def deploy(deployments: Collection[KeyDeployment]) -> list[str]:
    """Deploy changed keys, and verify at the cluster that the old ones have ended and the new ones work.

    Nothing is deployed unless every plan has exactly the complete change of these keys.

    Returns:
        Commands that end what may be left.
    """
    checked = [(deployment, *_checked(deployment)) for deployment in deployments]
    problems, steps = list[Problem](), list[str]()
    for deployment, plan, witness, former in checked:
        problems += _apply(deployment, plan, witness, former, steps)
    if problems:
        then = [refusal("then end what may have been minted with these keys", *steps)] if steps else []
        raise AmbientError([*problems, *then])
    return steps


def _checked(deployment: KeyDeployment) -> tuple[Pending, Witness, tuple[FormerAccess, ...]]:
    """Return a stack's plan, the witness that can verify its result, and the credentials of buckets that must end."""
    aims, buckets, config = deployment.aims, deployment.buckets, deployment.project.config(deployment.stack)

    def read() -> tuple[Export, tuple[Identity, ...]]:
        state = export_with_secrets(deployment.engine, deployment.stack)
        return state, identities(state, aims)

    (state, before), plan = deployment.approved(
        read,
        lambda preview: of_keys(preview, aims, buckets),
        lambda plan, existing: [*lacking_keys(plan.own, aims, existing[1]), *lacking_buckets(plan.own, buckets)],
        lambda existing: _by_hand(aims, existing[1]) if existing else [],
    )
    with deployment.before("Testing the keys at the cluster of", "the keys"):
        witness = Witness(deployment.cluster(), asker=Bearers(config.get("context") or None), aims=aims)
        witness.before(before)
    return plan, witness, former_access(state, buckets, config)


def _by_hand(aims: Mapping[KeyName, Aim], before: Collection[Identity]) -> list[str]:
    """Return commands that end keys without a deployment, for keys that must end at once."""
    commands = [
        f"kubectl delete serviceaccount -n {identity.workspace} {identity.account}"
        for identity in before
        if aims[identity.selected].at_once and aims[identity.selected].ends(identity)
    ]
    return [f"to end the old identity at once: {' && '.join(commands)}"] if commands else []


def _apply(
    deployment: KeyDeployment, plan: Pending, witness: Witness, former: Collection[FormerAccess], steps: list[str]
) -> list[Problem]:
    """Deploy one stack, remove what a failure left, print the verified results, and return the problems.

    Where accounts are renewed, the old keys end first and the new ones come last: who has a token of another account
    could mint tokens of a new key.
    """
    reported, renewal = list[str](), None
    if deployment.renews:
        reported += witness.end_now()
        renewal = renew_accounts(witness.cluster, deployment.declared, {key[0] for key in deployment.aims}, clock.now())
    problems = deployment.up(plan.own)
    reported += witness.end_now()
    try:
        after: tuple[Identity, ...] | None = identities(
            export_with_secrets(deployment.engine, deployment.stack), deployment.aims
        )
    except AmbientError as error:
        problems += error.problems
        after = None
    print(f"\nRead back from the cluster of {deployment.stack}:", flush=True)
    with activity.waiting(f"Testing the keys at the cluster of {deployment.stack}"):
        verdicts = witness.after(after)
    for verdict in verdicts:
        for line in verdict.proved:
            print(f"  {verdict.name}: {line}")
    problems += [problem for verdict in verdicts for problem in verdict.open]
    for access in former:
        proved, left = access.ended()
        print(f"  {access.workspace}: {proved}" if proved else "", end="\n" if proved else "")
        problems += left
    if any(verdict.open for verdict in verdicts):
        problems += [Problem(None, "", text) for text in reported]
    return [*problems, *_left(deployment, witness, renewal, steps), *(renewal.failed if renewal else ())]


def _left(deployment: KeyDeployment, witness: Witness, renewal: Renewal | None, steps: list[str]) -> list[Problem]:
    """Print what may be left to those who had the keys, and return what is left for certain."""
    holder = replace(
        deployment.holder, subjects=frozenset(f"serviceaccount:{it.workspace}:{it.account}" for it in witness.ending)
    )
    if not holder.keys:
        return []
    try:
        found = survey(witness.cluster, holder, deployment.declared, renewed=renewal.renewed if renewal else None)
    except StepError as error:
        return [error.problem.within(f"{holder.title}: other access is not known")]
    for line in found.lines():
        print(f"  {line}")
    steps += found.next_steps(deployment.stack)
    return [*found.problems()]


def finish(
    engine: Engine,
    project: Project,
    places: Mapping[str, Collection[KeyName]],
    aims: Mapping[KeyName, Aim],
    edited: Collection[str],
    after: LoadedStack,
    *,
    now: bool,
    renew: bool = False,
    fleet: str = "",
    buckets: Mapping[str, Mapping[str, int]] | None = None,
) -> None:
    """Print the next steps or, with `now`, deploy."""
    stacks = sorted({*places, *(buckets or ())})
    steps: list[str] = []
    if now:
        steps = deploy(
            [
                KeyDeployment(
                    engine, project, stack, edited, {key: aims[key] for key in places.get(stack, ())},
                    _declared(after, places.get(stack, ())), (buckets or {}).get(stack, {}), renew,
                )
                for stack in stacks
            ]
        )  # fmt: skip
    print(next_steps(edited, () if now else stacks, fleet, steps))


def renewals(
    engine: Engine, project: Project, stack: str, loaded: LoadedStack, workspaces: Iterable[str]
) -> dict[str, dict[str, int]]:
    """Return the next generations of the credentials of workspaces' own buckets, by the stack that deploys them.

    None if a state can't be read: that must not keep a leaked key.
    """
    buckets = renewable(loaded, workspaces)
    places = by_stack(project, stack, loaded, {deployment: deployment for deployment in buckets})
    try:
        deployed = deployed_buckets(engine, places)
    except AmbientError:
        return {}
    generations = editable(loaded, following(buckets, deployed))
    found = {
        place: {deployment: generations[deployment] for deployment in here if deployment in generations}
        for place, here in places.items()
    }
    return {place: here for place, here in found.items() if here}


def renew_keyless(
    engine: Engine, project: Project, stack: str, loaded: LoadedStack, workspaces: Collection[str]
) -> None:
    """Renew the accounts of workspaces that have no keys to rotate."""
    problems: list[Problem] = []
    for place, here in by_stack(project, stack, loaded, {name: name for name in workspaces}).items():
        declared = ledger_of({name: loaded.file.workspaces[name] for name in here}, Calendar.of(loaded.file))
        try:
            cluster = Deployment(engine, project, place, ()).cluster()
            problems += renew_accounts(cluster, declared, here, clock.now()).failed
        except StepError as error:
            problems.append(error.problem.within(f"{place}: its accounts are not renewed"))
    if problems:
        raise AmbientError(problems)


def _declared(after: LoadedStack, keys: Collection[KeyName]) -> Ledger:
    """Return the declared access of the keys' workspaces."""
    names = dict.fromkeys(workspace for workspace, _ in keys)
    return ledger_of({name: after.file.workspaces[name] for name in names}, Calendar.of(after.file))
