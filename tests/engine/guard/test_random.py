"""Random writes by everybody in a guarded workspace: nobody has more rights than before or writes another user's name,
and nothing is half-made."""

import json
import random
import secrets
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, product

import pytest

from ambient_components.platform.contract import (
    CREATED_BY_USER_ID_ANNOTATION,
    GUARD_SHARING_ANNOTATION,
    Role,
    cluster_role,
)
from tests.engine.guard.test_requests import REFUSED
from tests.engine.insider.test_closing_as_a_whole import rights
from tests.support.attacks import CORE, PLATFORM, RBAC, Bearer
from tests.support.guard_cast import Body, Cast, Request, account, key_bound, noted, of_platform, post, shared, token
from tests.support.guarded import GuardedWorld

STEPS = 150
WRITES = [one for several in REFUSED.values() for one in several]
PEOPLE = ("view", "edit", "admin", "key", "session", "elsewhere")
"""Who holds a role of the platform. Whoever has Kubernetes' own may impersonate, which no admission sees."""

GIVERS = [("edit", "edit"), ("elsewhere", "edit"), ("key", "edit"), *(("admin", role) for role in Role)]

Atoms = set[tuple[str, str, str, str]]


def atoms(bearer: Bearer, workspace: str) -> Atoms:
    """What somebody may do, one right each."""
    return {
        atom
        for rule in rights(bearer, workspace) or ()
        for atom in product(rule["apiGroups"], rule["resources"], rule.get("resourceNames", ["*"]), rule["verbs"])
    }


def more(after: Atoms, before: Atoms) -> Atoms:
    """The rights that were not there; a right to all objects of a kind has that to each of them."""
    return {
        (group, kind, name, verb) for group, kind, name, verb in after if (group, kind, "*", verb) not in before
    } - before


def given(world: GuardedWorld, workspace: str) -> set[str]:
    """Roles and bindings of the workspace, without their names."""
    found = [(world.machine.get(f"{RBAC}/{workspace}/{one}") or {})["items"] for one in ("roles", "rolebindings")]
    return {json.dumps([item.get(part) for part in ("rules", "roleRef", "subjects")]) for item in chain(*found)}


def user_of(item: Body) -> str:
    """The user whom a session runs as, or whom an account notes; empty for none."""
    context = (item.get("spec") or {}).get("userContext") or {}
    notes = (item["metadata"].get("annotations")) or {}
    return str(context.get("userId") or notes.get(CREATED_BY_USER_ID_ANNOTATION) or "")


def users(cast: Cast) -> Iterator[tuple[tuple[str, str], str]]:
    for kind, path in (
        ("AgenticSession", f"{PLATFORM}/%s/agenticsessions"),
        ("ServiceAccount", f"{CORE}/%s/serviceaccounts"),
    ):
        for item in (cast.world.machine.get(path % cast.names["workspace"]) or {})["items"]:
            yield (kind, item["metadata"]["name"]), user_of(item)


class Chaos:
    """Requests at random, made of those of the table: by somebody else, and with parts of another one."""

    def __init__(self, cast: Cast, seed: int) -> None:
        self.cast, self.random = cast, random.Random(seed)  # noqa: S311 - a test's choice
        self.taken: list[str] = []
        self.users = dict(users(cast))
        self.forged: list[str] = []
        """Sessions and accounts that name another user than their sender."""
        self.tokens: list[tuple[str, Bearer]] = []

    def mixed(self) -> Request:
        one, other = self.random.choice(WRITES), self.random.choice(WRITES)
        body = one.body
        if isinstance(body, dict) and isinstance(other.body, dict) and self.random.random() < 0.5:
            part = self.random.choice(["metadata", "subjects", "roleRef", "rules", "spec"])
            if part in body and part in other.body:
                mixed = {**body[part], **other.body[part]} if isinstance(body[part], dict) else other.body[part]
                body = {**body, part: mixed}
        return replace(one, who=self.random.choice(PEOPLE), body=body)

    def send(self, request: Request) -> bool:
        status, made = self.cast.send(request)
        if status == 200:
            self.taken.append(str(request))
            if self.names_another(request, made):
                self.forged.append(f"{request}: {json.dumps(made)}")
            if request.path.endswith("/token"):
                secret = self.cast.world.machine.keep_secret(made["status"]["token"], "a token of chaos")
                self.tokens.append((request.who, Bearer(self.cast.world.machine, secret)))
        return status == 200

    def names_another(self, request: Request, made: Body) -> bool:
        """Whether an object has another user than before the write, and not the one who sent it."""
        kind, name = made.get("kind"), str((made.get("metadata") or {}).get("name"))
        if kind not in ("AgenticSession", "ServiceAccount"):
            return False
        user = user_of(made)
        before = "" if request.method == "POST" else self.users.get((kind, name), "")
        self.users[kind, name] = user
        # The session's account is noted for alice.
        return user not in (before, "alice" if request.who == "session" else self.cast.ids[request.who])

    def page(self) -> None:
        """A key of the Keys page and a grant of the Sharing page, of a role that Kubernetes lets them give.

        What begins is taken to its end: the guard refuses the first request of several.
        """
        who, role = self.random.choice(GIVERS)
        name = f"ambient-key-page-{self.random.randrange(16**8):08x}"
        made = account(name, annotations=noted(self.cast.ids[who]) | of_platform(role=role))
        if self.send(post(who, "serviceaccounts", made)):
            assert self.send(post(who, "rolebindings", key_bound(name, role))), f"half of a key of {who}, {role}"
            # Where the API server's authorizer is slow to learn of the binding, the account "has no role yet".
            minted = post(who, f"serviceaccounts/{name}/token", token())
            self.cast.world.machine.until(lambda: self.send(minted), f"a token of {who}, {role}")
        self.send(post(who, "rolebindings", shared(user=f"p{self.random.randrange(99)}", role=role)))


@pytest.mark.parametrize("sharing", ["own", "view", "none"])
@pytest.mark.parametrize(
    "seed", [secrets.randbelow(1 << 30), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(5))],
    ids=lambda seed: "any" if seed > 5 else str(seed),
)  # fmt: skip
def test_nobody_gains(world: GuardedWorld, sharing: str, seed: int) -> None:
    cast = Cast(world)
    workspace = cast.names["workspace"]
    world.mark(workspace, {"annotations": {GUARD_SHARING_ANNOTATION: sharing}})
    before = {who: atoms(bearer, workspace) for who, bearer in cast.bearers.items()}
    chaos, bound = Chaos(cast, seed), given(world, workspace)
    for step in range(STEPS):
        chaos.page() if step % 10 == 0 else chaos.send(chaos.mixed())
    said = f"seed {seed}, taken:\n" + "\n".join(chaos.taken)
    assert not chaos.forged, f"{chaos.forged}; {said}"
    for who, bearer in cast.bearers.items():
        assert not more(atoms(bearer, workspace), before[who]), f"{who}; {said}"
    for who, taken in chaos.tokens:
        assert not more(atoms(taken, workspace), before[who]), f"a token by {who}; {said}"
    new = given(world, workspace) - bound
    assert sharing != "none" or (new, chaos.tokens) == (set(), []), said
    assert sharing != "view" or all(cluster_role(Role.VIEW) in one for one in new), said
