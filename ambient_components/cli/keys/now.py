"""Immediate deployment of changed keys, verified at the cluster. For `--now` of `ambient keys rotate` and `revoke`."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from ambient_components import clock
from ambient_components.access.entries import NOTHING
from ambient_components.cli.edits import bucket_keys
from ambient_components.cli.edits.deployment import Deployment, by_stack, declared_in, deploy, finish, renew_alone
from ambient_components.cli.edits.files import edited_texts, write_stack
from ambient_components.cli.edits.pending import Pending, lacking_buckets, lacking_keys, of_keys
from ambient_components.cli.keys.bucket_proof import former_access
from ambient_components.cli.keys.edit import Generations
from ambient_components.cli.keys.proof import KeyWitness
from ambient_components.cluster.bearer_check import Bearers
from ambient_components.engine.backend import export, export_with_secrets
from ambient_components.engine.command import Engine
from ambient_components.engine.state import Export
from ambient_components.engine.steps import Preview, Step
from ambient_components.errors import AmbientError, Problem, refusal
from ambient_components.model.keys import Key, KeyRecord
from ambient_components.platform.contract import Role
from ambient_components.stackfile.editing import Change
from ambient_components.stackfile.loader import LoadedStack
from ambient_components.stacks.deployed import Identity, KeyName
from ambient_components.stacks.project import Project
from ambient_components.stacks.pulumi import PulumiEngine
from ambient_components.stacks.reading import identities, ledger_from_state, read_deployed


@dataclass(frozen=True, slots=True)
class KeyDeployment(Deployment):
    noun = "the keys"
    asking = "Testing the keys at the cluster of"
    renews_first = True

    keys: Mapping[KeyName, KeyRecord]
    """The keys as the files declare them; revoked ones as they did."""
    revoked: bool
    """Whether all identities of the keys must end."""
    buckets: Mapping[str, int]
    """The generation of its bucket's credentials for each workspace where they are renewed."""

    def read(self) -> tuple[Export, tuple[Identity, ...]]:
        state = export_with_secrets(self.engine, self.stack)
        return state, identities(state, self.keys)

    def sort(self, preview: Preview) -> Pending:
        return of_keys(preview, self.keys, self.buckets)

    def lacking(self, own: Collection[Step], existing: tuple[Export, tuple[Identity, ...]]) -> Iterable[str]:
        keys = lacking_keys(own, self.keys, existing[1], revoked=self.revoked)
        return [*keys, *lacking_buckets(own, self.buckets)]

    def by_hand(self, existing: tuple[Export, tuple[Identity, ...]] | None) -> list[str]:
        at_once = {name: key for name, key in self.keys.items() if self.revoked or key.overlapping is None}
        try:
            # A wrong passphrase hides the tokens and no names.
            deployed = existing[1] if existing else identities(export(self.engine, self.stack), at_once)
        except AmbientError:
            return _by_name(at_once, before=not self.revoked)
        commands = [
            f"kubectl delete serviceaccount -n {identity.workspace} {identity.account}"
            for identity in deployed
            if (key := at_once.get(identity.selected)) and (self.revoked or identity.generation != key.generation)
        ]
        return [f"to end the old identity at once: {' && '.join(commands)}"] if commands else []

    def witness(self, existing: tuple[Export, tuple[Identity, ...]]) -> KeyWitness:
        config, (state, before) = self.project.config(self.stack), existing
        bearers = Bearers(config.get("context") or None)
        witness = KeyWitness(
            self.cluster(), bearers=bearers, keys=self.keys, revoked=self.revoked, read_back=lambda: self.read()[1]
        )
        witness.before(before)
        witness.former = former_access(state, self.buckets, config)
        return witness


def deployed_generations(states: Iterable[tuple[list[KeyName], Export]]) -> dict[KeyName, Generations]:
    generations: dict[KeyName, Generations] = {}
    for keys, state in states:
        generations |= recorded(state, keys)
    return generations


def recorded(export: Export, keys: Collection[KeyName]) -> dict[KeyName, Generations]:
    ledger = ledger_from_state(export)
    made: dict[KeyName, int] = {}
    for identity in identities(export, keys):
        made[identity.selected] = max(identity.generation, made.get(identity.selected, 0))
    generations = {}
    for workspace, key_id in keys:
        key = ledger.get(workspace, NOTHING).keys.get(key_id)
        declared = key.generation if key is not None else 0
        generations[workspace, key_id] = (made.get((workspace, key_id), 0), declared)
    return generations


@dataclass(frozen=True, slots=True)
class KeyEdit:
    """An edit of keys in a stack's files, with what deploys it."""

    engine: PulumiEngine
    project: Project
    stack: str
    loaded: LoadedStack
    """The stack before the edit."""
    places: Mapping[str, Collection[KeyName]]
    """The keys by the stack that deploys them."""
    buckets: Mapping[str, Mapping[str, int]]
    """The generation of credentials by workspace, by the stack that deploys it."""
    now: bool
    renew: bool
    revoked: bool = False
    """Whether the edit removes the keys."""
    former: Mapping[KeyName, KeyRecord] = field(default_factory=dict)
    """The keys that the files lack already."""

    def carry_out(
        self,
        changes: Iterable[Change],
        describe: Callable[[LoadedStack], Iterable[str]],
        *,
        leaked: Collection[str],
        keyless: Collection[str] = (),
    ) -> None:
        """Write the changes, say what is done, and deploy it or print the next steps.

        Args:
            describe: Describes the changes, given the stack after the edit.
            leaked: The workspaces in which the object store's credentials may be known.
            keyless: Workspaces without keys whose accounts are renewed.
        """
        generations = {name: number for of_stack in self.buckets.values() for name, number in of_stack.items()}
        texts = edited_texts(self.loaded, [*bucket_keys.edits(self.loaded, generations), *changes])
        after = write_stack(self.loaded.path, texts)
        print(*describe(after), *bucket_keys.edit_lines(self.loaded, generations), sep="\n")
        problems: list[Problem] = []
        for place, here in by_stack(self.project, self.stack, self.loaded, {name: name for name in keyless}).items():
            problems += renew_alone(self._deployment(place, (), after, here), here)
        if problems:
            raise AmbientError(problems)
        stacks = sorted({*self.places, *self.buckets})
        try:
            outcome = deploy(self._deployment(place, texts, after) for place in stacks) if self.now else None
        finally:
            # Below the verdict, and also where nothing is deployed.
            if lines := bucket_keys.by_hand_lines(self.project, self.stack, self.loaded, leaked, generations):
                print("", *lines, sep="\n", flush=True)
        finish(outcome, list(texts), stacks, self.stack if self.project.shards(self.stack) else "")

    def _deployment(
        self,
        place: str,
        edited: Collection[str],
        after: LoadedStack,
        more: Iterable[str] = (),
    ) -> KeyDeployment:
        workspaces = (self.loaded if self.revoked else after).file.workspaces
        keys = {
            key: self.former.get(key) or _record(workspaces[key[0]].keys[key[1]]) for key in self.places.get(place, ())
        }
        here = {*more, *(workspace for workspace, _ in keys)}
        return KeyDeployment(
            self.engine,
            self.project,
            place,
            list(edited),
            declared_in(after, here),
            here,
            keys,
            self.revoked,
            self.buckets.get(place, {}),
            renews=self.renew,
        )


def former_keys(states: Iterable[tuple[list[KeyName], Export]]) -> dict[KeyName, KeyRecord]:
    """Return the keys that are deployed, as the states record them. For keys that are not in the files any more."""
    records: dict[KeyName, KeyRecord] = {}
    for here, state in states:
        deployed = read_deployed(state, "", clock.now())
        for identity in identities(state, here):
            workspace, key_id = identity.selected
            key = deployed.keys.get((workspace, key_id, identity.generation))
            # A run that failed may have ended the declaration alone.
            role = next((role for role in Role if key is not None and key.role == role), Role.ADMIN)
            former = KeyRecord.model_construct(role=role, generation=identity.generation)
            records[identity.selected] = deployed.ledger.get(workspace, NOTHING).keys.get(key_id, former)
    return records


@contextmanager
def naming_accounts(stack: LoadedStack, keys: Iterable[KeyName]) -> Iterator[None]:
    """Add to an error before the edit how to end keys at once. Those that the files lack have no known account."""
    try:
        yield
    except AmbientError as error:
        entries = ((name, stack.file.workspaces[name[0]].keys.get(name[1])) for name in keys)
        hints = _by_name({name: None if key is None else _record(key) for name, key in entries})
        note = refusal("nothing is written and nothing is deployed", *hints)
        raise AmbientError([*error.problems, note]) from None


def _record(key: Key) -> KeyRecord:
    return KeyRecord.of(key, overlaps=key.overlap_until is not None)


def _by_name(keys: Mapping[KeyName, KeyRecord | None], *, before: bool = False) -> list[str]:
    """Return how to end keys, or their previous generations, by the names that files give: no state can be read."""
    accounts: dict[str, list[str]] = {}
    for (workspace, key_id), key in keys.items():
        names = accounts.setdefault(workspace, [])
        if key is not None:
            generations = (key.generation - 1,) if before else key.generations
            names += (key.account(workspace, key_id, generation) for generation in generations)
    return [
        f"to end it at once: kubectl delete serviceaccount -n {workspace} {' '.join(names) or 'NAME'}    "
        f"# by the files; all names: kubectl get serviceaccounts -n {workspace}"
        for workspace, names in accounts.items()
    ]


def renewals(
    engine: Engine, project: Project, stack: str, loaded: LoadedStack, workspaces: Iterable[str]
) -> dict[str, dict[str, int]]:
    """Return the next generations of the credentials of workspaces' own buckets, by the stack that deploys them.

    None if a state can't be read: that must not keep a leaked key.
    """
    by_place: dict[str, dict[str, int]] = {}
    buckets = bucket_keys.renewable(loaded, workspaces)
    for place, here in by_stack(project, stack, loaded, {name: name for name in buckets}).items():
        try:
            ledger = ledger_from_state(export(engine, place))
        except AmbientError:
            return {}
        next_generations = bucket_keys.following({name: buckets[name] for name in here}, ledger)
        if writable := bucket_keys.editable(loaded, next_generations):
            by_place[place] = writable
    return by_place
