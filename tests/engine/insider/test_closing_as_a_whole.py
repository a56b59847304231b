"""Closing compares what stays as a whole: attacks with names, roles, Roles and finalizers, also at random."""

import json
import random
import secrets
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.attacks import CORE, MERGE, PLATFORM, RBAC, Bearer
from tests.support.insider import WITH_INSIDER, Insider
from tests.support.operator import operators_session, operators_trigger

BOB = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "bob@example.com"}
OWNERS = "ambient-admin-alice-example-com"
TRIGGER = "ambient-session-trigger"
LINES = "    state: closed\n    onClose: {wait: 1s}\n"


def closed(insider: Insider, *flags: str, role: str = "edit") -> str:
    """Close the workspace by a plain run, and return what the run said."""
    insider.stack.write(with_role(role) + LINES)
    return insider.stack.up(*flags).ok().text


def with_role(role: str) -> str:
    return WITH_INSIDER.replace("bob@example.com, role: edit", f"bob@example.com, role: {role}")


def role_ref(kind: str, name: str) -> dict[str, str]:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}


def account(namespace: str, name: str) -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def items(insider: Insider, path: str) -> list[dict[str, Any]]:
    found = insider.stack.machine.get(path)
    assert found is not None
    return list(found["items"])


def bindings(insider: Insider) -> set[str]:
    return {item["metadata"]["name"] for item in items(insider, f"{RBAC}/{insider.stack.w}/rolebindings")}


def rights(bearer: Bearer, workspace: str) -> list[Any] | None:
    """What a bearer may do in a workspace beside asking for their own rights; None if they are not known any more."""
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": workspace}}
    status, answer = bearer.send("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", body)
    if status == 401:
        return None
    assert status == 200, status
    own = {"selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews"}
    return [rule for rule in answer["status"]["resourceRules"] if not own >= set(rule.get("resources") or ())]


def shut_out(insider: Insider, *others: Bearer) -> None:
    """Neither Bob nor other bearers may do anything in the workspace, and its owner is its admin."""
    stack = insider.stack
    for bearer in (insider.bearer, *others):
        stack.machine.until(lambda bearer=bearer: not rights(bearer, stack.w), "no rights are left", seconds=15)
    alice = Bearer(stack.machine, stack.machine.cluster.token_of("alice@example.com"))
    assert alice.send("GET", f"{CORE}/{stack.w}/secrets")[0] == 200
    assert bindings(insider) <= {OWNERS, TRIGGER}


@pytest.mark.parametrize("role", ["edit", "admin"])
def test_every_cluster_role_that_they_may_bind(insider: Insider, role: str) -> None:
    """3: No binding of a ClusterRole that a user may bind outlives a closing, whatever its name"""
    stack = insider.stack
    if role == "admin":
        stack.write(with_role(role))
        stack.up().ok()
        secrets_of = f"{CORE}/{stack.w}/secrets"
        stack.machine.until(lambda: insider.bearer.can("GET", secrets_of), "the role is known")
    bound = []
    for item in items(insider, "/apis/rbac.authorization.k8s.io/v1/clusterroles"):
        name = item["metadata"]["name"]
        body = {"metadata": {"name": name}, "roleRef": role_ref("ClusterRole", name), "subjects": [BOB]}
        if insider.bearer.can("POST", f"{RBAC}/{stack.w}/rolebindings", body):
            bound.append(name)
    assert len(bound) > 3, bound
    if role == "admin":
        assert "system:controller:legacy-service-account-token-cleaner" in bound
    closed(insider, role=role)
    shut_out(insider)


def test_roles_that_make_an_admin(insider: Insider) -> None:
    """3: A creator with Kubernetes' own admin keeps nothing of it, nor of the roles that it is made of"""
    stack = insider.stack
    for name in ("admin", "system:aggregate-to-edit", "system:aggregate-to-admin"):
        body = {"metadata": {"name": f"system:{name}"}, "roleRef": role_ref("ClusterRole", name), "subjects": [BOB]}
        stack.machine.create(f"{RBAC}/{stack.w}/rolebindings", body)
    closed(insider)
    shut_out(insider)


def test_a_second_subject_in_the_owners_binding(insider: Insider) -> None:
    """4: Nobody stays by entering the owner's binding"""
    stack, alice = insider.stack, {**BOB, "name": "alice@example.com"}
    stack.write(with_role("admin"))
    stack.up().ok()
    path = f"{RBAC}/{stack.w}/rolebindings/{OWNERS}"
    stack.machine.until(
        lambda: insider.bearer.can("PATCH", path, {"subjects": [alice, BOB]}, MERGE), "the owner's binding has Bob"
    )
    report = closed(insider, role="admin")
    assert "restored the binding of owner user:alice@example.com" in report
    shut_out(insider)
    # A stranger enters it again, with the workspace closed: the next preview says so, without a refresh.
    body = json.dumps({"subjects": [alice, BOB]}).encode()
    stack.machine.admin().request("PATCH", path, body, MERGE)
    assert "also names user:bob@example.com: not as it was deployed" in stack.preview().ok().text
    stack.up("--refresh").ok()
    shut_out(insider)


def test_another_role_under_the_name_of_the_owners_binding(insider: Insider) -> None:
    """4: The name of an owner's binding keeps no binding of another role"""
    stack, path = insider.stack, f"{RBAC}/{insider.stack.w}/rolebindings"
    insider.own_role()
    assert insider.bearer.can("DELETE", f"{path}/{OWNERS}")
    insider.bind({"metadata": {"name": OWNERS}, "roleRef": role_ref("Role", "of-bob"), "subjects": [BOB]})
    closed(insider)
    shut_out(insider)
    assert stack.machine.get(f"{path}/{OWNERS}") is not None


def test_the_names_of_openshifts_own_bindings(insider: Insider) -> None:
    """3: The names of OpenShift's bindings keep no other subject"""
    role = insider.own_role()
    for name in ("system:deployers", "system:image-builders", "system:image-pullers"):
        insider.bind({"metadata": {"name": name}, "roleRef": role, "subjects": [BOB]})
    closed(insider)
    shut_out(insider)


def test_a_widened_role_of_the_platform(insider: Insider) -> None:
    """M1: A Role of the platform that the insider widened gives the next account nothing"""
    stack, workspace = insider.stack, insider.stack.w
    operators_trigger(stack.machine, workspace)
    wide = [{"apiGroups": [""], "resources": ["serviceaccounts", "serviceaccounts/token"], "verbs": ["create"]}]
    path = f"{RBAC}/{workspace}/roles/{TRIGGER}"
    assert insider.bearer.can("PATCH", path, {"rules": wide}, MERGE)
    token = insider.bearer.mint(workspace, TRIGGER)
    assert token is not None
    closed(insider)
    shut_out(insider, token)
    # Whoever gets the account's next token has what the operator gives, at most.
    found = stack.machine.get(path)
    assert found is None or found["rules"] != wide


def test_the_platforms_own_access_stays(insider: Insider) -> None:
    """M1: What the operator makes for schedules stays, with another account, and a session's identity ends"""
    stack, workspace = insider.stack, insider.stack.w
    operators_trigger(stack.machine, workspace)
    operators_session(stack.machine, workspace, "run-1")
    taken = [insider.bearer.mint(workspace, name) for name in (TRIGGER, "ambient-session-run-1")]
    report = closed(insider)
    shut_out(insider, *filter(None, taken))
    assert bindings(insider) == {OWNERS, TRIGGER}
    assert "Role ambient-session-trigger" not in report
    assert stack.up("--refresh").ok().unchanged


def produced(insider: Insider, name: str) -> Iterator[Bearer]:
    """An account with edit, and a token of it, by whatever token still works."""
    workspace = insider.stack.w
    made = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
    bound = {
        "metadata": {"name": name},
        "roleRef": role_ref("ClusterRole", "ambient-project-edit"),
        "subjects": [account(workspace, name)],
    }
    insider.bearer.send("POST", f"{CORE}/{workspace}/serviceaccounts", made)
    insider.bearer.send("POST", f"{RBAC}/{workspace}/rolebindings", bound)
    if (token := insider.bearer.mint(workspace, name)) is not None:
        yield token


def producing(insider: Insider, number: int, over: threading.Event, tokens: list[Bearer]) -> Callable[[], None]:
    """Make access with every token at hand until the run is over: account, binding, token."""
    workspace = insider.stack.w

    def work() -> None:
        mine = [*produced(insider, f"worker-{number}")]
        tokens.extend(mine)
        made = 0
        while not over.is_set():
            made += 1
            name = f"made-{number}-{made}"
            body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
            bound = {
                "metadata": {"name": name},
                "roleRef": role_ref("ClusterRole", "ambient-project-edit"),
                "subjects": [account(workspace, name)],
            }
            for bearer in (insider.bearer, *mine[-3:]):
                bearer.send("POST", f"{CORE}/{workspace}/serviceaccounts", body)
                bearer.send("POST", f"{RBAC}/{workspace}/rolebindings", bound)
                status, token = bearer.send(
                    "POST",
                    f"{CORE}/{workspace}/serviceaccounts/{name}/token",
                    {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
                )
                if status == 200:
                    secret = insider.stack.machine.keep_secret(token["status"]["token"], f"a token of {name}")
                    mine.append(Bearer(insider.stack.machine, secret))
                    tokens.append(mine[-1])

    return work


@pytest.mark.parametrize("workers", [1, pytest.param(8, marks=pytest.mark.slow)])
def test_access_that_is_produced_while_the_workspace_closes(insider: Insider, workers: int) -> None:
    """M2: Nobody outruns a closing by making accounts, bindings and tokens in parallel"""
    over, tokens = threading.Event(), list[Bearer]()
    threads = [
        threading.Thread(target=producing(insider, number, over, tokens), daemon=True) for number in range(workers)
    ]
    for thread in threads:
        thread.start()
    insider.stack.machine.until(lambda: len(tokens) > 5 * workers, "access is being produced", seconds=30)
    try:
        closed(insider)
        shut_out(insider, *tokens)
    finally:
        over.set()
        for thread in threads:
            thread.join(timeout=30)
    shut_out(insider, *tokens)
    assert items(insider, f"{CORE}/{insider.stack.w}/resourcequotas") == []


class Attacker:
    """Random use of what a workspace user may do: each step takes one right of edit or admin."""

    def __init__(self, insider: Insider, seed: int) -> None:
        self.insider, self.machine, self.workspace = insider, insider.stack.machine, insider.stack.w
        self.random = random.Random(seed)  # noqa: S311  # a test's choice
        self.tokens: list[Bearer] = []
        self.steps: list[str] = []
        roles = items(insider, "/apis/rbac.authorization.k8s.io/v1/clusterroles")
        self.cluster_roles = sorted(item["metadata"]["name"] for item in roles)
        self.session = operators_session(self.machine, self.workspace, "run-1")
        operators_trigger(self.machine, self.workspace)
        self.accounts = ["default", "mine", TRIGGER, "ambient-session-run-1", "ambient-session-forged"]
        self.accounts.append(insider.account_of("ci", 1))

    def step(self) -> None:
        """Do one thing; what the API server refuses is no step."""
        action = self.random.choice(
            [self.role, self.make_account, self.bind, self.bind, self.keep, self.widen, self.enter]
        )
        self.steps.append(action.__name__)
        action()

    def pick(self, *of: Any) -> Any:
        return self.random.choice(of)

    def send(self, method: str, path: str, body: Any, kind: str = "application/json") -> None:
        status, _ = self.insider.bearer.send(method, path, body, kind)
        self.steps[-1] += f" {method} {path.rpartition('/')[2]} {body.get('metadata', {}).get('name', '')}: {status}"

    def metadata(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = {"name": name}
        if self.random.random() < 0.3:
            found["finalizers"] = ["example.com/keep"]
        if self.random.random() < 0.3:
            found["ownerReferences"] = [self.session]
        if self.random.random() < 0.3:
            found["labels"] = self.pick(
                {"ambient-code.io/role": "admin"}, {"app": "ambient-permission"}, {"ambient-code.io/managed": "true"}
            )
        return found

    def role(self) -> None:
        name = self.pick("mine", TRIGGER, "ambient-session-forged-role", "system:deployer")
        rules = [
            {
                "apiGroups": [""],
                "resources": [self.pick("serviceaccounts/token", "serviceaccounts")],
                "verbs": ["create"],
            }
        ]
        self.send("POST", f"{RBAC}/{self.workspace}/roles", {"metadata": self.metadata(name), "rules": rules})

    def widen(self) -> None:
        name = self.pick(TRIGGER, "ambient-session-run-1-role", "mine")
        rules = [
            {"apiGroups": ["vteam.ambient-code"], "resources": ["agenticsessions"], "verbs": ["get", "list", "patch"]}
        ]
        self.send("PATCH", f"{RBAC}/{self.workspace}/roles/{name}", {"rules": rules}, MERGE)

    def make_account(self) -> None:
        name = self.pick(*self.accounts)
        body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": self.metadata(name)}
        self.send("POST", f"{CORE}/{self.workspace}/serviceaccounts", body)
        if (token := self.insider.bearer.mint(self.workspace, name) if self.exists(name) else None) is not None:
            self.tokens.append(token)

    def exists(self, name: str) -> bool:
        return self.machine.get(f"{CORE}/{self.workspace}/serviceaccounts/{name}") is not None

    def subject(self) -> dict[str, str]:
        group = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group"}
        user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User"}
        name = self.pick(*self.accounts)
        return self.pick(  # type: ignore[no-any-return]
            BOB,
            account(self.workspace, name),
            {**user, "name": f"system:serviceaccount:{self.workspace}:{name}"},
            {**group, "name": "system:authenticated"},
            {**group, "name": f"system:serviceaccounts:{self.workspace}"},
        )

    def bind(self) -> None:
        role = self.pick(
            ("ClusterRole", "ambient-project-edit"),
            ("ClusterRole", "ambient-project-view"),
            ("ClusterRole", self.pick(*self.cluster_roles)),
            ("Role", self.pick("mine", TRIGGER, "ambient-session-forged-role", "system:deployer")),
        )
        name = self.pick(
            "mine", f"by-hand-{self.random.randrange(5)}", "system:deployers", "system:image-pullers", OWNERS, TRIGGER,
            "ambient-session-forged-rb", "ambient-admin-bob-example-com", "ambient-control-plane-project-manager",
        )  # fmt: skip
        subjects = [self.subject() for _ in range(self.random.randint(1, 2))]
        body = {"metadata": self.metadata(name), "roleRef": role_ref(*role), "subjects": subjects}
        self.send("POST", f"{RBAC}/{self.workspace}/rolebindings", body)

    def enter(self) -> None:
        name = self.pick(OWNERS, TRIGGER, "ambient-session-run-1-rb")
        alice = {**BOB, "name": "alice@example.com"}
        body = {"subjects": [alice, self.subject()]}
        self.send("PATCH", f"{RBAC}/{self.workspace}/rolebindings/{name}", body, MERGE)

    def keep(self) -> None:
        collection, name = self.pick(
            ("serviceaccounts", self.insider.account_of("ci", 1)), ("serviceaccounts", TRIGGER)
        )
        body = {"metadata": {"finalizers": ["example.com/keep"]}}
        self.send("PATCH", f"{CORE}/{self.workspace}/{collection}/{name}", body, MERGE)


@pytest.mark.parametrize(
    "seed",
    [secrets.randbelow(1 << 30), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(8))],
    ids=lambda seed: "any" if seed > 8 else str(seed),
)
def test_anything_that_a_user_may_do(insider: Insider, seed: int) -> None:
    """3: After random use of all rights, before and during a closing, the only access is the owner's"""
    attacker = Attacker(insider, seed)
    role = attacker.pick("edit", "admin")
    insider.stack.write(with_role(role))
    insider.stack.up().ok()
    for _ in range(25):
        attacker.step()
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            attacker.step()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        closed(insider, role=role)
    finally:
        over.set()
        thread.join(timeout=30)
    said = f"seed {seed}, role {role}:\n" + "\n".join(attacker.steps[:25])
    try:
        shut_out(insider, *attacker.tokens)
    except AssertionError as error:
        raise AssertionError(said) from error
    assert insider.bearer.send("GET", f"{PLATFORM}/{insider.stack.w}/agenticsessions")[0] == 403, said
