"""Every rule of the guard on the real API server: an attack that is taken without it and refused with it, by its
sentence, and the like of it that people and programs do every day, which passes.

All requests are dry runs, which go through authorization and admission and change nothing. So one server and a few
workspaces are enough, and no case depends on another one.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from ambient_components.guard.manifest import GuardOptions, digest, objects
from ambient_components.platform.contract import MANAGED_LABEL, Role
from ambient_components.platform.naming import grant_binding
from ambient_components.platform.subjects import Subject, SubjectKind
from ambient_components.rules.guard import POLICIES, GuardRule, policy_name
from tests.support.callers import ADMINISTRATOR, Caller, Callers
from tests.support.guard_tries import (
    ADMIN_KEY,
    ALICE,
    BACKEND,
    BINDER,
    BOB,
    COLLECTOR,
    DEPLOYER,
    KATE,
    KUBELET,
    NEW_KEY,
    OPERATOR,
    SCHEDULE,
    SESSION,
    SSO_ELSEWHERE,
    SYNC,
    TRIGGER,
    UI_KEY,
    VIEW_KEY,
    Body,
    Request,
    account_of,
    bind,
    binding,
    by_sso,
    change,
    ci,
    cron_job,
    deployment,
    file_key,
    grant,
    job,
    key,
    key_grant,
    legacy_token,
    make,
    marked,
    mint,
    noted,
    notes,
    of,
    own_account,
    own_key,
    own_session,
    person,
    pod,
    pod_spec,
    remove,
    schedule,
    session,
    start,
    trigger,
    user,
)
from tests.support.guard_workspaces import FILE, LABEL, WORKSPACES, make_workspace, noted_digest, path_of
from tests.support.machine import Machine
from tests.support.operator_made import TRIGGER_RULES

POLICY = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


def next_identity(w: str) -> Body:
    """An account that looks like one of the key of the stack file."""
    return key(f"{ci(w)[:-8]}00000000", "edit", "")


def shown_as_view(w: str) -> Body:
    """The binding of a key with edit, which the Keys page shows as one with view."""
    body = key_grant(w, "edit", NEW_KEY)
    return {**body, "metadata": {**body["metadata"], "annotations": notes(sa_name=NEW_KEY, role="view")}}


def of_others_name(w: str) -> Body:
    """A grant to carol in the place of one to alice, which then can't be made."""
    body = grant("edit", "carol")
    return {**body, "metadata": {**body["metadata"], "name": "ambient-permission-edit-alice-user"}}


LONG_NAME = "CN=" + "Jane Döe, " * 12
LONG_GRANT = grant("edit", LONG_NAME)
LONG_GRANT["metadata"]["name"] = grant_binding(Role.EDIT, Subject(SubjectKind.USER, LONG_NAME))
SHOWN_AS_VIEW = notes(subject_kind="User", subject_name="carol", role="view")
OWN_KEY_BINDING = VIEW_KEY.replace("key-", "key-view-", 1)
DORA = "rolebindings/ambient-permission-view-dora-user"
Who = Caller | Callable[[str], Caller]


@dataclass(frozen=True)
class Case:
    rule: str
    says: str
    who: Who
    request: Request
    where: str = "own"


def attack(rule: str, says: str, who: Who, request: Request, where: str = "own") -> Any:
    return pytest.param(Case(rule, says, who, request, where), id=f"{rule}: {says[:24]} {request} {where}")


def daily(who: Who, request: Request, *where: str) -> Any:
    return [pytest.param(Case("", "", who, request, place), id=f"{request} {place}") for place in where or ("own",)]


ALICES_KEY = key(NEW_KEY, "edit", "alice-example.com")
BOBS_KEY = key(NEW_KEY, "edit", "bob-example.com")
MALLORY = {"subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "mallory"}]}
STAY: Body = {"metadata": {"finalizers": ["example.com/stay"]}}
OWNED: Body = {
    "metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Secret", "name": "plain", "uid": "1-2-3"}]}
}
ROLE: Body = {**of("mine"), "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}
EGRESS: Body = {**of("open"), "spec": {"podSelector": {}, "egress": [{}]}}
PRELOAD: Body = {"spec": {"environmentVariables": {"NODE_OPTIONS": "--require /tmp/x"}}}
BYPASS = binding("mine", "ambient-guard-bypass", person("mallory"))
BYPASSES: Body = {
    **of("mine"),
    "rules": [{"apiGroups": ["guard.ambient-components"], "resources": ["tokens"], "verbs": ["bypass"]}],
}
# The API server of the tests takes no privileged container, so that half of the rule is only evaluated here.
UNPRIVILEGED: Body = {"name": "p", "image": "b", "securityContext": {"privileged": False}}
IMAGE = [{"op": "replace", "path": "/spec/containers/0/image", "value": "mallory"}]
DECOY = schedule(
    "alice-example.com",
    "bob-example.com",
    "schedule-x",
    environmentVariables={"userContext": {"userId": "bob-example.com"}},
)

ATTACKS = [
    attack("tokens", "its keys come from runs", BOB, mint("{ci}")),
    attack("tokens", "its keys come from runs", ALICE, mint("{ci}")),
    attack("tokens", "issued for keys alone", BOB, mint(SESSION)),
    attack("tokens", "issued for keys alone", BOB, mint(TRIGGER)),
    attack("tokens", "issued for keys alone", ALICE, mint("default")),
    attack("tokens", "this account reads Secrets and you do not.", BOB, mint(ADMIN_KEY)),
    attack("tokens", "only who made a key on the Keys page", BOB, mint(UI_KEY)),
    attack("tokens", "only who made a key on the Keys page", ALICE, mint(VIEW_KEY)),
    attack("tokens", "a year at most", ALICE, mint(UI_KEY, 63_072_000)),
    attack("sharing", "in Git alone", ALICE, mint(UI_KEY), "none"),
    attack("sharing", "role view", ALICE, mint(UI_KEY), "view"),
    attack("keysShare", "keys and sessions give no access.", own_key, mint(UI_KEY)),
    attack("keysShare", "keys and sessions give no access.", by_sso, mint(UI_KEY)),
    attack("keysShare", "keys and sessions give no access.", SSO_ELSEWHERE, mint(UI_KEY)),
    attack("keysShare", "give no access", SSO_ELSEWHERE, account_of(key(NEW_KEY, "admin", "alice-example.com"))),
    attack("keysShare", "give no access", SSO_ELSEWHERE, bind(grant("edit", "carol"))),
    attack("sessionUser", "keys of other workspaces", SSO_ELSEWHERE, start("alice-example.com")),
    attack(
        "accounts",
        "a key of the file",
        BOB,
        account_of(next_identity),
    ),
    attack("accounts", "a key of the file", BOB, change("serviceaccounts/{ci}", noted(description="x"))),
    attack("accounts", "made for keys alone", BOB, account_of(of("mine"))),
    attack("accounts", "made for keys alone", BOB, account_of(of(NEW_KEY))),
    attack("accounts", "view, edit or admin", BOB, account_of(key(NEW_KEY, "owner", "bob-example.com"))),
    attack("accounts", "view, edit or admin", BOB, account_of(key(NEW_KEY, "", "bob-example.com"))),
    attack("accounts", "view, edit or admin", BOB, change(f"serviceaccounts/{VIEW_KEY}", noted(role="owner"))),
    attack("accounts", "one of the platform", BOB, account_of(of("ambient-session-9f3c2e7a"))),
    attack("accounts", "one of the platform", ALICE, remove(f"serviceaccounts/{SESSION}")),
    attack(
        "accounts",
        "labels of an account",
        BOB,
        change(f"serviceaccounts/{UI_KEY}", {"metadata": {"labels": {"app": "x"}}}),
    ),
    attack(
        "creatorNote",
        "for its maker alone",
        BOB,
        change(f"serviceaccounts/{UI_KEY}", noted(created_by_user_id="carol")),
    ),
    attack(
        "creatorNote", "for its maker alone", BOB, change(f"serviceaccounts/{UI_KEY}", noted(created_by_user_id=None))
    ),
    attack("creatorNote", "for its maker alone", BOB, account_of(ALICES_KEY)),
    attack("accounts", "the role of its maker", BOB, account_of(key(NEW_KEY, "admin", "bob-example.com"))),
    attack("sharing", "with the role view", BOB, account_of(BOBS_KEY), "view"),
    attack("sharing", "in Git alone", BOB, account_of(BOBS_KEY), "none"),
    attack("keysShare", "give no access", file_key, account_of(key(NEW_KEY, "edit", ""))),
    attack("removesKeys", "this key is in the file", ALICE, remove("serviceaccounts/{ci}"), "whole"),
    attack("ties", "no finalizers", BOB, change(f"serviceaccounts/{UI_KEY}", STAY)),
    attack("ties", "no finalizers", BOB, change(f"serviceaccounts/{UI_KEY}", OWNED)),
    attack("marks", "runs of the stack", BOB, change(f"serviceaccounts/{UI_KEY}", marked("owner", "p/dev"))),
    attack("bindings", "group of everybody", BOB, bind(grant("edit", "system:authenticated", "Group"))),
    attack(
        "bindings",
        "group of everybody",
        BOB,
        bind(lambda w: grant("edit", f"system:serviceaccounts:{w}", "Group")),
    ),
    attack("bindings", "not the name of a person", BOB, bind(grant("edit", "system:serviceaccount:x:y"))),
    attack("bindings", "accounts of other workspaces", BOB, bind(key_grant("kube-system", "edit", NEW_KEY))),
    attack("bindings", "only keys of the Keys page", BOB, bind(lambda w: key_grant(w, "edit", SESSION))),
    attack("bindings", "only keys of the Keys page", ALICE, bind(lambda w: key_grant(w, "admin", ci(w)))),
    attack(
        "bindings",
        "share on the Sharing page",
        ALICE,
        make(
            "rolebindings",
            binding("ambient-admin-mallory", "ambient-project-admin", person("mallory")),
        ),
    ),
    attack("bindings", "share on the Sharing page", BOB, bind(grant("edit", "carol", annotations={}))),
    attack(
        "bindings",
        "share on the Sharing page",
        BOB,
        bind(grant("edit", "carol", annotations=notes(subject_name="dora"))),
    ),
    attack(
        "bindings",
        "share on the Sharing page",
        BOB,
        make(
            "rolebindings",
            lambda w: {
                **grant("edit", "carol"),
                "subjects": [own_account(w, UI_KEY)],
            },
        ),
    ),
    attack("bindings", "share on the Sharing page", BOB, bind(grant("edit", "carol", annotations=SHOWN_AS_VIEW))),
    attack("bindings", "share on the Sharing page", BOB, bind(of_others_name)),
    attack("bindings", "share on the Sharing page", BOB, bind(shown_as_view)),
    attack("bindings", "one subject a binding", BOB, bind({**grant("edit", "carol"), "subjects": []})),
    attack(
        "bindings",
        "view, edit and admin",
        BOB,
        bind(binding("mine", TRIGGER, person("carol"), "Role")),
    ),
    attack(
        "bindings",
        "view, edit and admin",
        KATE,
        bind(binding("mine", "admin", person("carol"))),
    ),
    attack("bindings", "a binding is not changed", ALICE, change(DORA, MALLORY)),
    attack("bindings", "a binding is not changed", ALICE, change(DORA, {"metadata": {"labels": None}})),
    attack("bindings", "a binding is not changed", ALICE, change(DORA, noted(subject_name="x"))),
    attack("sharing", "only view may be given", BOB, bind(grant("edit", "carol")), "view"),
    attack("sharing", "in Git alone", ALICE, bind(grant("view", "carol")), "none"),
    attack("bindings", "the role of its maker", BINDER, bind(grant("admin", "carol"))),
    attack(
        "sharing",
        "on the Sharing page",
        ALICE,
        change("projectsettings/projectsettings", {"spec": {"groupAccess": [{"groupName": "all", "role": "admin"}]}}),
    ),
    attack("keysShare", "give no access", own_key, bind(grant("edit", "carol"))),
    attack("removesAccess", "only admins", BOB, remove(DORA)),
    attack("removesAccess", "or to an owner", ALICE, remove("rolebindings/ambient-admin-olga")),
    attack("removesAccess", "only admins", BOB, remove(f"rolebindings/{OWN_KEY_BINDING}")),
    attack("removesKeys", "this key is in the file", ALICE, remove("rolebindings/{ci}"), "whole"),
    attack("ties", "no finalizers", BOB, bind(grant("edit", "carol", finalizers=["example.com/stay"]))),
    attack(
        "marks",
        "runs of the stack",
        ALICE,
        make(
            "rolebindings",
            grant("edit", "carol", labels={"app": "ambient-permission", "ambient-components/owner": "x"}),
        ),
    ),
    attack(
        "marks",
        "runs of the stack",
        ALICE,
        change("projectsettings/projectsettings", marked("opened-at", "now")),
    ),
    attack("roles", "no roles but", BOB, make("roles", ROLE)),
    attack("roles", "no roles but", BOB, change(f"roles/{TRIGGER}", {"rules": []})),
    attack("roles", "no roles but", BOB, remove(f"roles/{TRIGGER}")),
    attack("legacyTokens", "without end", BOB, make("secrets", lambda w: legacy_token(ci(w)))),
    attack("keySecrets", "a key of the file", ALICE, change("secrets/of-ci", {"data": {"a": "Yg=="}})),
    attack("keySecrets", "a key of the file", ALICE, remove("secrets/of-ci")),
    attack("sessionObjects", "one of the platform", BOB, make("secrets", of("ambient-runner-token-s9"))),
    attack("sessionObjects", "one of the platform", BOB, make("secrets", of("ambient-vertex"))),
    attack("sessionObjects", "GitLab tokens of users", BOB, make("secrets", of("gitlab-user-tokens"))),
    attack("marks", "runs of the stack", BOB, make("secrets", of("x", {"ambient-components/key": "ci"}))),
    attack("marks", "runs of the stack", ALICE, change("secrets/plain", marked("owner", "p/dev"))),
    attack("ties", "no finalizers", BOB, make("secrets", of("x", finalizers=["example.com/stay"]))),
    attack("sessionUser", "here bob-example.com.", BOB, start("alice-example.com")),
    attack("sessionUser", "here alice-example.com.", ALICE, start("bob-example.com")),
    attack("sessionUser", "as who makes it", BOB, change("agenticsessions/s1", user("carol"))),
    attack("sessionUser", "does not change", ALICE, change("agenticsessions/s1", user(None))),
    attack("sessionUser", "as who makes it", ALICE, change("agenticsessions/nobodys", user("alice-example.com"))),
    attack("sessionUser", "changes its variables", ALICE, change("agenticsessions/s1", PRELOAD)),
    attack("sessionUser", "changes its variables", own_key, change("agenticsessions/s1", PRELOAD)),
    attack("sessionUser", "of the platform", BOB, start("bob-example.com", "trigger")),
    attack("sessionUser", "of who made it", own_key, start("bob-example.com")),
    attack("sessionUser", "of who made it", file_key, start("bob-example.com")),
    attack("sessionUser", "of who made it", own_session, start("alice-example.com")),
    attack(
        "sessionUser",
        "runs as who makes it",
        BACKEND,
        make("cronjobs", schedule("alice-example.com", "bob-example.com", "schedule-x")),
    ),
    attack(
        "sessionUser",
        "the user of a schedule",
        BACKEND,
        Request("PUT", f"cronjobs/{SCHEDULE}", schedule("alice-example.com", "bob-example.com")),
    ),
    attack(
        "sessionUser",
        "the maker of a schedule",
        BACKEND,
        Request("PUT", f"cronjobs/{SCHEDULE}", schedule("bob-example.com", "alice-example.com")),
    ),
    attack("sessionUser", "can not be read", BACKEND, make("cronjobs", DECOY)),
    attack(
        "sessionUser",
        "by the platform alone",
        KATE,
        make("cronjobs", schedule("kate", "kate", "schedule-x", "default")),
    ),
    attack("jobs", "of a key or of the platform", ALICE, make("jobs", lambda w: job(ci(w)))),
    attack("jobs", "of a key or of the platform", ALICE, make("jobs", lambda w: job("", serviceAccount=ci(w)))),
    attack("jobs", "of a key or of the platform", KATE, make("pods", pod(TRIGGER))),
    attack("jobs", "of a key or of the platform", KATE, change("pods/agent", IMAGE)),
    attack("jobs", "of a key or of the platform", KATE, make("deployments", deployment(UI_KEY))),
    attack("jobs", "of a key or of the platform", KATE, make("cronjobs", lambda w: cron_job(ci(w)))),
    attack("jobs", "of a node", ALICE, make("jobs", job("", volumes=[{"name": "n", "hostPath": {"path": "/"}}]))),
    attack("jobs", "of a node", ALICE, make("jobs", job("", hostPID=True))),
    attack("jobs", "of a node", KATE, make("pods", {**of("pod"), "spec": pod_spec("default", hostNetwork=True)})),
    attack("jobs", "has the role admin", Caller("edda"), make("deployments", deployment("builder"))),
    attack("limits", "limits of this workspace", KATE, make("networkpolicies", EGRESS)),
    attack("workspaces", "the guard of a workspace", BACKEND, change("", {"metadata": {"labels": {LABEL: None}}})),
    attack("workspaces", "the guard of a workspace", BACKEND, change("", {"metadata": {"labels": {LABEL: "audit"}}})),
    attack("workspaces", "the guard of a workspace", BACKEND, change("", marked("guard-keys", ""))),
    attack("workspaces", "by cluster admins alone", DEPLOYER, bind(BYPASS)),
    attack("workspaces", "by cluster admins alone", OPERATOR, make("roles", BYPASSES)),
    attack(
        "workspaces", "by cluster admins alone", OPERATOR, bind(binding("x", "ambient-guard-operator", person("x")))
    ),
    attack("workspaces", "closed and opened", BACKEND, change("", {"metadata": {"labels": {MANAGED_LABEL: None}}})),
]

DAILY = [
    *daily(ALICE, mint(UI_KEY)),
    *daily(BOB, mint(VIEW_KEY), "own", "view"),
    *daily(DEPLOYER, mint("{ci}"), "own", "none"),
    *daily(OPERATOR, mint(SESSION)),
    *daily(KUBELET, mint(SESSION)),
    *daily(ALICE, account_of(ALICES_KEY)),
    *daily(BOB, account_of(BOBS_KEY)),
    *daily(ALICE, account_of(key(NEW_KEY, "admin", "alice-example.com"))),
    *daily(ALICE, account_of(key(NEW_KEY, "view", "alice-example.com")), "view"),
    *daily(BACKEND, change(f"serviceaccounts/{UI_KEY}", noted(last_used_at="now"))),
    *daily(BACKEND, change("serviceaccounts/{ci}", noted(last_used_at="now"))),
    *daily(ALICE, remove(f"serviceaccounts/{UI_KEY}"), "own", "none"),
    *daily(ALICE, remove("serviceaccounts/{ci}"), "own", "none"),
    *daily(DEPLOYER, remove("serviceaccounts/{ci}"), "whole"),
    *daily(COLLECTOR, remove(f"serviceaccounts/{SESSION}")),
    *daily(BOB, bind(grant("edit", "carol"))),
    *daily(BOB, bind(grant("edit", "payments-devs", "Group"))),
    *daily(ALICE, bind(grant("admin", "CN=Jane Doe, 'x' (EU)"))),
    *daily(ALICE, bind(grant("view", "carol")), "own", "view"),
    *daily(BOB, bind(LONG_GRANT)),
    *daily(ALICE, bind(lambda w: key_grant(w, "admin", NEW_KEY))),
    *daily(BINDER, bind(grant("edit", "carol"))),
    *daily(ALICE, remove(DORA), "own", "view", "none"),
    *daily(ALICE, remove(f"rolebindings/{OWN_KEY_BINDING}"), "own", "none"),
    *daily(ALICE, remove("rolebindings/{ci}"), "own", "none"),
    *daily(ADMINISTRATOR, bind(BYPASS)),
    *daily(
        DEPLOYER,
        bind(binding("ambient-admin-x", "ambient-project-admin", person("x"))),
    ),
    *daily(
        BACKEND,
        bind(binding("ambient-admin-x", "ambient-project-admin", person("x"))),
    ),
    *daily(OPERATOR, make("roles", {**of("ambient-session-s2-role"), "rules": TRIGGER_RULES})),
    *daily(BOB, make("secrets", of("mine"))),
    *daily(ALICE, change("secrets/plain", {"data": {"a": "Yg=="}})),
    *daily(ALICE, remove("secrets/plain")),
    *daily(SYNC, make("secrets", of("synced", ownerReferences=OWNED["metadata"]["ownerReferences"]))),
    *daily(OPERATOR, make("secrets", of("ambient-runner-token-s2"))),
    *daily(BOB, start("bob-example.com")),
    *daily(BOB, start("bob@example.com")),
    *daily(BOB, start("")),
    *daily(own_key, start("alice-example.com")),
    *daily(by_sso, start("alice-example.com")),
    *daily(file_key, make("agenticsessions", lambda w: session(f"system-serviceaccount-{w}-{ci(w)}"))),
    *daily(own_session, start("bob-example.com", "child")),
    *daily(trigger, start("carol")),
    *daily(ALICE, change("agenticsessions/s1", noted(desired_phase="Stopped"))),
    *daily(ALICE, change("agenticsessions/s1", {"spec": {"initialPrompt": "go on"}})),
    *daily(BOB, change("agenticsessions/s1", PRELOAD)),
    *daily(ALICE, change("projectsettings/projectsettings", {"spec": {"mcpServers": {"disabled": ["webfetch"]}}})),
    *daily(BACKEND, make("cronjobs", schedule("bob-example.com", "bob-example.com", "schedule-x"))),
    *daily(BACKEND, make("cronjobs", schedule("", "bob-example.com", "schedule-x"))),
    *daily(
        BACKEND,
        Request("PUT", f"cronjobs/{SCHEDULE}", schedule("bob-example.com", "bob-example.com", more="x" * 100_000)),
    ),
    *daily(BACKEND, change(f"cronjobs/{SCHEDULE}", {"spec": {"suspend": True}})),
    *daily(BACKEND, remove(f"cronjobs/{SCHEDULE}")),
    *daily(DEPLOYER, make("cronjobs", schedule("alice", "ambient-components", "schedule-x"))),
    *daily(OPERATOR, make("pods", pod(SESSION))),
    *daily(BACKEND, make("jobs", job(TRIGGER))),
    *daily(KATE, change("pods/agent", {"metadata": {"labels": {"seen": "true"}}})),
    *daily(KATE, make("deployments", deployment("default"))),
    *daily(KATE, make("deployments", deployment("builder"))),
    *daily(ALICE, make("jobs", job(""))),
    *daily(ALICE, make("jobs", job("", initContainers=[UNPRIVILEGED]))),
    *daily(OPERATOR, make("pods", {**of("pod"), "spec": pod_spec("default", hostNetwork=True)})),
    *daily(OPERATOR, make("networkpolicies", EGRESS)),
    *daily(DEPLOYER, make("networkpolicies", EGRESS)),
    *daily(BACKEND, change("", {"metadata": {"annotations": {"openshift.io/description": "x"}}})),
    *daily(DEPLOYER, change("", {"metadata": {"labels": {MANAGED_LABEL: "false", LABEL: "audit"}}})),
    *daily(BACKEND, change("", {"metadata": {"labels": {MANAGED_LABEL: "false"}}}), "free"),
]


@pytest.fixture(scope="module")
def names(machine: Machine) -> Iterator[dict[str, str]]:
    """Workspaces by short name, on an API server with the guard in force."""
    callers = Callers(machine.cluster)
    rules = [{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["bind"]}]
    group = "rbac.authorization.k8s.io/v1"
    machine.admin().apply(
        {"apiVersion": group, "kind": "ClusterRole", "metadata": {"name": "ambient-test-binds"}, "rules": rules}
    )
    for item in objects():
        # A rule that is too expensive for the API server ends here, with 422.
        machine.admin().apply(item)
    names = {short: f"guard-{short}" for short in WORKSPACES}
    for short, (mode, annotations) in WORKSPACES.items():
        make_workspace(machine, callers, names[short], mode, annotations)
    attacks = [case.values[0] for case in ATTACKS]

    def in_force() -> bool:
        answers = (case.request.send(callers, case.who, names[case.where]) for case in attacks)
        return all(answer.status == 403 for answer in answers)

    # An attack that is never refused fails in its own test.
    with suppress(AssertionError):
        machine.until(in_force, "the API server knows every policy", seconds=20)
    yield names
    machine.without(*names.values())
    for item in reversed(objects()):
        machine.delete(path_of(item))


@pytest.fixture(scope="module")
def callers(machine: Machine) -> Callers:
    return Callers(machine.cluster)


@pytest.mark.parametrize("case", ATTACKS)
def test_what_is_taken_without_the_guard_is_refused_by_its_sentence(
    case: Case, names: dict[str, str], callers: Callers
) -> None:
    refusal = case.request.send(callers, case.who, names[case.where])
    assert refusal.status == 403
    assert f"denied request: guard {case.rule}: " in refusal.message
    assert case.says in refusal.message
    assert f". Change {FILE} or ask its reviewers." in refusal.message
    if case.rule == GuardRule.WORKSPACES:
        return
    for without in ("free", "off", "audited"):
        answer = case.request.send(callers, case.who, names[without])
        assert answer.taken, (without, answer)
        assert not answer.warnings
    warned = case.request.send(callers, case.who, names["warned"])
    assert warned.taken
    if case.where in ("own", "whole"):
        assert any(f"guard {case.rule}: " in warning for warning in warned.warnings)


@pytest.mark.parametrize("case", DAILY)
def test_what_people_and_programs_do_every_day_passes(case: Case, names: dict[str, str], callers: Callers) -> None:
    answer = case.request.send(callers, case.who, names[case.where])
    assert answer.taken, answer.message


def test_every_rule_has_an_attack() -> None:
    tried = {case.values[0].rule for case in ATTACKS}
    assert tried == set(map(str, GuardRule))


def test_a_shell_in_a_sessions_pod_is_refused(names: dict[str, str], callers: Callers) -> None:
    """There are no nodes here, so without the guard the answer is that there is no such pod."""
    shell = Request("POST", "pods/s1-runner/exec", None)
    assert shell.send(callers, KATE, names["free"], is_dry=False).status == 404
    assert "guard jobs: no shell" in shell.send(callers, KATE, names["own"], is_dry=False).message
    other = Request("POST", "pods/web-1/exec", None)
    assert other.send(callers, KATE, names["own"], is_dry=False).status == 404


def test_a_prefix_of_the_api_server_is_taken_off(names: dict[str, str], callers: Callers, machine: Machine) -> None:
    """As if `bob@` were the prefix of bob@example.com."""
    started = start("example.com")
    assert started.send(callers, BOB, names["own"]).status == 403
    for item in objects(GuardOptions(username_prefix="bob@")):
        machine.admin().apply(item)
    machine.until(lambda: started.send(callers, BOB, names["own"]).taken, "the prefix is known")
    assert not start("bob-example.com").send(callers, BOB, names["own"]).taken
    for item in objects():
        machine.admin().apply(item)
    machine.until(lambda: not started.send(callers, BOB, names["own"]).taken, "the prefix is gone")


def test_nobody_gives_the_right_to_bypass(names: dict[str, str], callers: Callers) -> None:
    """Kubernetes refuses it, as none of them has it."""
    rules = [{"apiGroups": ["guard.ambient-components"], "resources": ["*"], "verbs": ["bypass"]}]
    for who in (BOB, ALICE, KATE, OPERATOR):
        answer = make("roles", {**of("x"), "rules": rules}).send(callers, who, names["free"])
        assert answer.status == 403
        assert "attempting to grant RBAC permissions not currently held" in answer.message
    for path in (POLICY, f"{POLICY}/ambient-guard-tokens"):
        assert callers.send(DEPLOYER, "DELETE", f"{path}?dryRun=All", None, "application/json").status == 403


def test_the_api_server_finds_no_mistake_in_a_policy_and_changes_none(machine: Machine, names: dict[str, str]) -> None:
    """Type checking is served here; a misspelled field would be in it."""
    misspelled = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "ambient-test-misspelled"},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["deployments"]}
                ]
            },
            "validations": [{"expression": "object.spec.replicaz > 1"}],
        },
    }
    machine.admin().apply(misspelled)

    def checked(name: str) -> Any:
        served = machine.get(f"{POLICY}/{name}") or {}
        return (served.get("status") or {}).get("typeChecking")

    machine.until(lambda: checked("ambient-test-misspelled") is not None, "type checking is served")
    assert "replicaz" in str(checked("ambient-test-misspelled"))
    machine.delete(f"{POLICY}/ambient-test-misspelled")
    machine.until(lambda: all(checked(policy_name(policy)) is not None for policy in POLICIES), "each is checked")
    for policy in POLICIES:
        assert checked(policy_name(policy)) == {}
    for item in objects():
        served = machine.get(path_of(item)) or {}
        assert digest(served) == noted_digest(served) == digest(item)
