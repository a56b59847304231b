"""Further attacks by what people do in the cluster before and while their access ends, and by names of their choice."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from sandbox.ui_style import UiKey, UiWorkspace
from tests.support.adoption import make
from tests.support.attacks import CORE, MERGE, PLATFORM, RBAC, Bearer
from tests.support.insider import WITH_INSIDER, WITHOUT_INSIDER, Insider
from tests.support.machine import claims
from tests.support.operator import operators_session
from tests.support.outputs import Printed, wrong
from tests.support.stacks import Result, Stack

API = "rbac.authorization.k8s.io"
BOB = {"apiGroup": API, "kind": "User", "name": "bob@example.com"}
EDIT = {"apiGroup": API, "kind": "ClusterRole", "name": "ambient-project-edit"}
CLOSED = "    state: closed\n    onClose: {wait: 1s}\n"
KEEP = ["example.com/keep"]


def group(name: str) -> dict[str, str]:
    return {"apiGroup": API, "kind": "Group", "name": name}


def bind(insider: Insider, name: str, *subjects: dict[str, str], role: dict[str, str] = EDIT, **more: Any) -> None:
    insider.bind({"metadata": {"name": name, **more}, "roleRef": role, "subjects": [*subjects]})


def account(insider: Insider, name: str) -> Bearer:
    """An account of the insider's making, and a token of it."""
    insider.create("serviceaccounts", {"metadata": {"name": name}})
    return minted(insider, name)


def minted(insider: Insider, name: str) -> Bearer:
    token = insider.bearer.mint(insider.stack.w, name)
    assert token is not None
    return token


def reads(bearer: Bearer, workspace: str) -> int:
    """The answer to a list of sessions, which every role may see."""
    return bearer.send("GET", f"{PLATFORM}/{workspace}/agenticsessions")[0]


def out(stack: Stack, *bearers: Bearer) -> None:
    """Nothing of the workspace is readable any more, within the 15 seconds of a cache."""
    for bearer in bearers:
        stack.machine.until(lambda bearer=bearer: reads(bearer, stack.w) in (401, 403), "no access is left", seconds=15)


@contextmanager
def without_a_pause(*actions: Callable[[], object]) -> Iterator[None]:
    """Attack in parallel to what is done meanwhile."""
    over = threading.Event()

    def work(action: Callable[[], object]) -> None:
        while not over.is_set():
            action()

    threads = [threading.Thread(target=work, args=(action,), daemon=True) for action in actions]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(timeout=30)


@pytest.mark.parametrize("spelling", ["serviceaccount:THIS:robot", "user:system:serviceaccount:THIS:robot"])
def test_an_owner_that_is_an_account_of_the_workspace(insider: Insider, spelling: str) -> None:
    """Tokens and a token Secret of an owner that is a ServiceAccount of the workspace end with a closing"""
    stack = insider.stack
    insider.create("serviceaccounts", {"metadata": {"name": "robot"}})
    text = WITH_INSIDER.replace("[user:alice@example.com]", f"[user:alice@example.com, '{spelling}']")
    stack.write(text)
    stack.up().ok()
    notes = {"kubernetes.io/service-account.name": "robot"}
    metadata = {"name": "kept", "annotations": notes, "finalizers": KEEP}
    insider.create("secrets", {"type": "kubernetes.io/service-account-token", "metadata": metadata})
    path = f"{CORE}/{stack.w}/secrets/kept"
    stack.machine.until(lambda: "token" in ((stack.machine.get(path) or {}).get("data") or {}), "a token is there")
    robot = minted(insider, "robot")
    owners = Bearer(stack.machine, stack.machine.cluster.token_of("sandbox-admin")).secret(stack.w, "kept") or {}
    legacy = Bearer(stack.machine, stack.machine.keep_secret(owners["token"], "a token of a Secret"))
    stack.machine.until(lambda: reads(robot, stack.w) == reads(legacy, stack.w) == 200, "both tokens work")
    stack.write(text + CLOSED)
    stack.up().ok()
    out(stack, robot, legacy, insider.bearer)


def test_secrets_that_nothing_deletes(insider: Insider) -> None:
    """Finalizers, owners and immutability do not keep the workspace's two Secrets in a closed workspace"""
    stack, names = insider.stack, ("ambient-runner-secrets", "ambient-non-vertex-integrations")
    session = operators_session(stack.machine, stack.w, "run-1")
    for name in names:
        metadata = {"name": name, "finalizers": KEEP, "ownerReferences": [session]}
        insider.create("secrets", {"metadata": metadata, "data": {"A": "eA=="}, "immutable": True})
    stack.write(WITH_INSIDER + CLOSED)
    stack.up().ok()
    assert [stack.machine.get(f"{CORE}/{stack.w}/secrets/{name}") for name in names] == [None, None]


def test_finalizers_that_come_back(insider: Insider) -> None:
    """Finalizers that are put back without a pause keep no binding and no account through a closing"""
    stack = insider.stack
    token, robot = account(insider, "robot"), {"kind": "ServiceAccount", "name": "robot", "namespace": insider.stack.w}
    bind(insider, "robot", robot, finalizers=KEEP)
    stack.machine.until(lambda: reads(token, stack.w) == 200, "the account has access")
    paths = (f"{RBAC}/{stack.w}/rolebindings/robot", f"{CORE}/{stack.w}/serviceaccounts/robot")
    body = {"metadata": {"finalizers": [*KEEP, "example.com/more"]}}

    def again(path: str) -> Callable[[], object]:
        return lambda: [one.send("PATCH", path, body, MERGE) for one in (insider.bearer, token)]

    with without_a_pause(*(again(path) for path in paths)):
        stack.write(WITH_INSIDER + CLOSED)
        stack.up().ok()
    out(stack, token, insider.bearer)
    assert [stack.machine.get(path) for path in paths] == [None, None]


def test_a_session_that_is_started_again(insider: Insider) -> None:
    """A session whose own token starts it again without a pause is stopped, or named, when the workspace is closed"""
    stack = insider.stack
    operators_session(stack.machine, stack.w, "run-1")
    token = minted(insider, "ambient-session-run-1")
    path = f"{PLATFORM}/{stack.w}/agenticsessions/run-1"
    body = {"metadata": {"annotations": {"ambient-code.io/desired-phase": "Running"}}}
    stack.machine.until(lambda: token.can("PATCH", path, body, MERGE), "the session's token works")
    with without_a_pause(*[lambda: token.send("PATCH", path, body, MERGE)] * 3):
        stack.write(WITH_INSIDER + CLOSED)
        report = stack.up().ok().text
    out(stack, token)
    notes = (stack.machine.get(path) or {})["metadata"]["annotations"]
    assert notes["ambient-code.io/desired-phase"] == "Stopped" or "run-1 did not stop" in report, report


@pytest.mark.parametrize("subject", ["user", "group"])
def test_accounts_whose_access_has_another_spelling(insider: Insider, subject: str) -> None:
    """An account that had access as a user or by a group has none after a closing, and an opening with that group"""
    stack, everyone = insider.stack, f"system:serviceaccounts:{insider.stack.w}"
    token = account(insider, "robot")
    by_user = {**BOB, "name": f"system:serviceaccount:{stack.w}:robot"}
    bind(insider, "robot", by_user if subject == "user" else group(everyone))
    stack.machine.until(lambda: reads(token, stack.w) == 200, "the account has access")
    stack.write(WITH_INSIDER + CLOSED)
    stack.up().ok()
    out(stack, token)
    grant = f"    grants: [{{group: '{everyone}'}}]\n    exceptions: [{{guardrail: publicAccess, reason: sessions}}]\n"
    stack.write(WITHOUT_INSIDER + grant)
    stack.up().ok()
    out(stack, token)


def revoke(insider: Insider, *flags: str, subject: str = "user:bob@example.com") -> Result:
    return insider.stack.ambient("grants", "revoke", insider.stack.name, subject, insider.stack.w, "--now", *flags)


def test_a_revoked_account_with_another_spelling(insider: Insider) -> None:
    """`grants revoke --now` of an account finds its access as a user, and by the group of its namespace"""
    stack, robot = insider.stack, f"system:serviceaccount:{insider.stack.w}-ops:robot"
    stack.write(WITH_INSIDER.replace("    keys:", f"      - {{user: '{robot}'}}\n    keys:"))
    stack.up().ok()
    subject = {"kind": "ServiceAccount", "name": "robot", "namespace": f"{stack.w}-ops"}
    bind(insider, "by-account", subject)
    done = revoke(insider, subject=f"user:{robot}")
    done.refused(f"kubectl delete rolebinding -n {stack.w} by-account")
    stack.machine.delete(f"{RBAC}/{stack.w}/rolebindings/by-account")
    bind(insider, "by-group", group(f"system:serviceaccounts:{stack.w}-ops"))
    done = revoke(insider, subject=f"user:{robot}")
    done.refused(f"kubectl delete rolebinding -n {stack.w} by-group")


def test_rights_one_by_one(insider: Insider) -> None:
    """A stranger who has one right of edit, whichever it is but harmless reading, counts in the next preview"""
    stack, count = insider.stack, 0
    for rule in (stack.machine.get(f"/apis/{API}/v1/clusterroles/ambient-project-edit") or {})["rules"]:
        reading = {"get", "list", "watch"}.intersection(rule["verbs"])
        for resource in rule["resources"]:
            secret = resource in ("secrets", "pods", "pods/log", "agenticsessions", "serviceaccounts", "rolebindings")
            for verb in sorted({*rule["verbs"]} - (set() if secret else reading)):
                name, one = f"r{count}", {**rule, "resources": [resource], "verbs": [verb]}
                body = {"metadata": {"name": name}, "rules": [one]}
                assert insider.bearer.can("POST", f"{RBAC}/{stack.w}/roles", body), f"{verb} {resource}"
                bind(insider, name, {**BOB, "name": "mallory"}, role={"apiGroup": API, "kind": "Role", "name": name})
                count += 1
    shown = stack.preview().ok().text
    more = re.search(r" and (\d+) more: in the cluster", shown)
    assert more is not None, shown
    assert shown.count(" of user:mallory (RoleBinding r") % 10 == 0
    assert int(more[1]) + 10 == count


def test_an_admin_behind_editors(insider: Insider) -> None:
    """An undeclared admin is named in a preview and a plan, however many undeclared editors an insider adds"""
    stack = insider.stack
    role = insider.own_role()
    for number in range(15):
        bind(insider, f"a{number}", {**BOB, "name": f"a{number}"}, role=[EDIT, role][number % 2])
    body = {"metadata": {"name": "zz"}, "roleRef": {**EDIT, "name": "ambient-project-admin"}, "subjects": [BOB]}
    stack.machine.create(f"{RBAC}/{stack.w}/rolebindings", body)
    for shown in (stack.preview().ok().text, stack.ambient("plan", stack.name).text):
        assert "admin of user:bob@example.com" in shown, shown


@pytest.mark.slow
def test_an_account_that_is_made_again(insider: Insider) -> None:
    """A revoked key's account that is made again without a pause gives no access, and `--now` says what is left"""
    stack, leaked = insider.stack, insider.stack.token("ci")
    name = insider.account_of("ci", 1)
    path, tokens = f"{CORE}/{stack.w}/serviceaccounts", list[str]()

    def again() -> None:
        insider.bearer.send("POST", path, {"metadata": {"name": name, "finalizers": KEEP}})
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        status, made = insider.bearer.send("POST", f"{path}/{name}/token", body)
        if status == 200:
            tokens.append(stack.machine.keep_secret(made["status"]["token"], "a token of the account"))

    with without_a_pause(again):
        done = stack.ambient("keys", "revoke", stack.name, f"{stack.w}/ci", "--now")
    stack.ended(leaked, "the leaked key")
    last = Bearer(stack.machine, tokens[-1])
    assert reads(last, stack.w) in (401, 403)
    assert done.code == 0 or f"kubectl delete serviceaccount -n {stack.w} {name}" in done.text, done.text


def test_token_secrets_that_are_taken(insider: Insider) -> None:
    """Secrets under the names of the next identity's token Secrets do not keep a leaked key, and get no token"""
    stack, leaked = insider.stack, insider.stack.token("ci")
    account_name = insider.account_of("ci", 2)
    taken = [stack.token_secrets()[0].replace(insider.account_of("ci", 1), account_name)]
    taken += [f"{account_name}-x{number}" for number in range(1, 6) if f"{account_name}-x{number}" not in taken]
    for name in taken:
        notes = {"kubernetes.io/service-account.name": account_name}
        insider.create(
            "secrets", {"metadata": {"name": name, "finalizers": KEEP, "annotations": notes}, "immutable": True}
        )
    done = stack.ambient("keys", "rotate", stack.name, f"{stack.w}/ci", "--leaked", "--now")
    assert stack.sessions(leaked) == 401, done.text
    assert done.code == 0, done.text
    assert claims(stack.token("ci"))["kubernetes.io"]["secret"]["name"] not in taken
    assert stack.sessions(stack.token("ci")) == 200


def test_tokens_that_are_minted_meanwhile(insider: Insider) -> None:
    """Tokens that are minted without a pause while `revoke --now --renew-accounts` runs do not outlive the command"""
    stack, tokens = insider.stack, list[Bearer]()
    grant = f"      - {{user: 'system:serviceaccount:{stack.w}:default'}}\n"
    stack.write(WITH_INSIDER.replace("    keys:", f"{grant}    keys:"))
    stack.up().ok()

    def mint() -> None:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        status, made = insider.bearer.send("POST", f"{CORE}/{stack.w}/serviceaccounts/default/token", body)
        if status == 200:
            tokens.append(Bearer(stack.machine, stack.machine.keep_secret(made["status"]["token"], "a minted token")))

    with without_a_pause(mint):
        done = revoke(insider, "--renew-accounts")
    assert len(tokens) > 3
    for token in (tokens[0], *tokens[-3:]):
        stack.machine.until(
            lambda token=token: reads(token, stack.w) == 401, f"a token is refused: {done.text}", seconds=15
        )


EVIL = (
    "x\x1b]0;owned\x07\n::error::gone\n    owners: ['user:mallory@example.com']\n\x85owners: [mallory]\u2028#"
    " @all <img src=x> `|[a](b)"
)


def test_evil_roles(insider: Insider) -> None:
    """Roles, bindings and namespaces of subjects with evil names are inert in each format of what a reader gets"""
    stack = insider.stack
    rules = [{"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["create"]}]
    assert insider.bearer.can("POST", f"{RBAC}/{stack.w}/roles", {"metadata": {"name": EVIL}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": "kube-public"}
    bind(insider, f"{EVIL}-b", subject, {**BOB, "name": EVIL}, role={"apiGroup": API, "kind": "Role", "name": EVIL})
    for verb, forms in (
        (("access", stack.name, "--live"), ("text", "markdown", "html")),
        (("plan", stack.name), ("text", "markdown")),
    ):
        for form in forms:
            shown = stack.ambient(*verb, "--format", form)
            assert "mallory" in shown.text
            assert wrong(Printed(shown.code, shown.text, ""), form) == []
    stack.write(WITH_INSIDER + CLOSED)
    for shown in (stack.preview().ok().text, stack.up().ok().text):
        assert "mallory" in shown
        assert not [raw for raw in ("\x1b", "\x07", "\x85", "\u2028") if raw in shown]
        assert not [line for line in shown.splitlines() if line.lstrip().startswith("::")]


def test_names_that_break_out_of_comments(stack: Stack) -> None:
    """Names with line ends of every kind stay comments or text in the files of ambient adopt"""
    key = UiKey("ci", "edit", f"{EVIL}\r\n---\n%TAG ! !\n...")
    workspace = UiWorkspace(stack.w, creator="alice@example.com", keys=(key,), grants=(("group", "devs", "edit"),))
    make(stack.machine, workspace)
    path = f"{RBAC}/{stack.w}"
    for number, end in enumerate(("\n", "\r", "\r\n", "\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\ufeff")):
        evil = f"e{number}{end}    owners: ['user:mallory@example.com']{end}  mallory: {{adopt: true}}{end}#"
        rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
        stack.machine.create(f"{path}/roles", {"metadata": {"name": evil}, "rules": rules})
        role = {"apiGroup": API, "kind": "Role", "name": evil}
        for one in (role, EDIT):
            body = {
                "metadata": {"name": f"{evil}{one['kind']}"},
                "roleRef": one,
                "subjects": [{**BOB, "name": evil}, BOB],
            }
            stack.machine.create(f"{path}/rolebindings", body)
    said = stack.ambient("adopt", stack.name, stack.w, "--no-check").text
    text = (stack.folder / "stacks" / f"{stack.name}.yaml").read_text()
    assert "mallory" in text, said
    entries = yaml.safe_load(text)["workspaces"]
    assert [*entries] == [stack.w]
    assert entries[stack.w].get("owners") == ["user:alice@example.com"]
    assert {next(iter(one.values())) for one in entries[stack.w]["grants"]} <= {"devs"}
    assert [*entries[stack.w]["keys"]] == ["ci"]
    assert stack.ambient("validate").code == 0, text
