"""Hostile objects of every kind that is read, planted with exactly an insider's rights: nothing stops or is skipped.

Beside the workspace of the insider there is another one, in which a grant is removed meanwhile: it must end.
"""

from contextlib import suppress
from typing import Any

import pytest

from ambient_components.platform.contract import (
    APP_LABEL,
    BOUND_OBJECT,
    BOUND_OBJECT_LABEL,
    DELIVERY,
    DELIVERY_LABEL,
    GRANT_APP,
    ISSUED_AT_ANNOTATION,
    KEY_APP,
    KEY_GENERATION_ANNOTATION,
    KEY_LABEL,
    LAST_USED_AT_ANNOTATION,
    OWNER_ANNOTATION,
    OWNER_ROLE_LABEL,
    RUNNER_SECRET,
    SERVICE_ACCOUNT_ANNOTATION,
    Role,
)
from sandbox.api import Api, ApiError
from sandbox.credentials import ALICE
from tests.support.attacks import CORE, MERGE, PLATFORM, RBAC, binding
from tests.support.hostile import ASSET, ESCAPES
from tests.support.insider import Insider
from tests.support.stacks import Result, Stack

TWO = """\
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    grants:
      - {user: bob@example.com, role: edit}
      - {group: payments-devs, role: edit}
    keys:
      ci: {role: edit}
    settings:
      mcpServers: {custom: {search: {type: http, url: "https://search.example.com"}}}
      featureFlags: {jira-write: true}
    secrets:
      runner: {ANTHROPIC_API_KEY: {config: token}}
  THIS-b:
    protect: false
    owners: [user:alice@example.com]
    grants:
      - {user: carol@example.com, role: admin}
    keys:
      ci: {role: edit}
"""
GRANT = """\
    grants:
      - {user: carol@example.com, role: admin}
"""
CAROL = "ambient-permission-admin-carol-example-com-user"
DEVS = "ambient-permission-edit-payments-devs-group"
OVERFLOW = "0001-01-01T00:00:00+23:59"
HUGE = "x" * 250_000


@pytest.fixture
def insider(stack: Stack) -> Insider:
    """Two workspaces of one stack; Bob has role edit in the first."""
    stack.secret("token")
    stack.write(TWO)
    stack.up().ok()
    return Insider(stack)


def plant_bindings(insider: Insider) -> None:
    """RoleBindings with names, labels, subjects and sizes that the API server takes."""
    labels = ({APP_LABEL: GRANT_APP}, {APP_LABEL: KEY_APP}, {OWNER_ROLE_LABEL: "admin"}, {})
    for number, each in enumerate(labels):
        body = binding(f"{ESCAPES} {number}", Role.EDIT, "user:bob@example.com", each)
        subjects = [
            {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": f"{ESCAPES}{one}"} for one in range(500)
        ]
        many = {**body, "subjects": [*subjects, {"kind": "User", "name": "y" * 300_000, "namespace": "z"}]}
        many["metadata"] |= {"annotations": {"a": HUGE}, "finalizers": ["example.com/mine"]}
        insider.bind(many)
        insider.bind({**body, "metadata": {**body["metadata"], "name": f"none-{number}"}, "subjects": None})
    mallory = [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "mallory@example.com"}]
    devs = [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "payments-devs"}]
    insider.rebind(DEVS, {"subjects": [*devs, *mallory], "metadata": {"finalizers": ["example.com/mine"]}})


def plant_accounts(insider: Insider) -> None:
    """ServiceAccounts that look like keys, and the key's own with notes that are no times."""
    for number, used in enumerate((OVERFLOW, "9999-12-31T23:59:59-23:59", "9" * 5000, ESCAPES)):
        metadata = {
            "name": f"ambient-key-theirs-{number}",
            "labels": {APP_LABEL: KEY_APP},
            "annotations": {LAST_USED_AT_ANNOTATION: used, "a": HUGE},
            "finalizers": ["example.com/mine"],
        }
        insider.create("serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    account = insider.account_of("ci", 1)
    insider.patch("serviceaccounts", account, {"metadata": {"annotations": {LAST_USED_AT_ANNOTATION: OVERFLOW}}})
    # 3,000 levels in a field of every object that nobody looks at.
    deep = '{"f:a":' * 3_000 + "{}" + "}" * 3_000
    managed = (
        '{"manager":"mine","operation":"Update","apiVersion":"v1","time":"2026-01-01T00:00:00Z",'
        f'"fieldsType":"FieldsV1","fieldsV1":{deep}}}'
    )
    raw(insider, "PATCH", f"{CORE}/{insider.stack.w}/serviceaccounts/ambient-key-theirs-0", managed)


def raw(insider: Insider, method: str, path: str, managed: str) -> None:
    """A patch of managedFields that is deeper than Python's own JSON; the server may refuse it."""
    machine = insider.stack.machine
    api = Api(machine.cluster.url, machine.cluster.ca_file, insider.bearer.token)
    body = f'{{"metadata":{{"managedFields":[{managed}]}}}}'
    try:
        api.request(method, path, body.encode(), MERGE)
    except (RecursionError, ApiError):
        return


def plant_token_secrets(insider: Insider) -> None:
    """Forged token Secrets of the key: a foreign owner, and notes that overflow."""
    account = insider.account_of("ci", 1)
    ours = f"ambient-components/{insider.stack.name}"
    forgeries: list[dict[str, str]] = [
        {OWNER_ANNOTATION: "other/stack"},
        {OWNER_ANNOTATION: ESCAPES},
        {OWNER_ANNOTATION: ours, KEY_GENERATION_ANNOTATION: "9" * 5_000},
        {OWNER_ANNOTATION: ours, KEY_GENERATION_ANNOTATION: "\u0662"},
        {OWNER_ANNOTATION: ours, ISSUED_AT_ANNOTATION: OVERFLOW},
        {OWNER_ANNOTATION: ours, ISSUED_AT_ANNOTATION: "9999-12-31T23:59:59-23:59"},
        {ISSUED_AT_ANNOTATION: ESCAPES},
        {},
    ]
    for number, notes in enumerate(forgeries):
        metadata = {
            "name": f"forged-{number}",
            "labels": {BOUND_OBJECT_LABEL: BOUND_OBJECT, KEY_LABEL: "ci", DELIVERY_LABEL: DELIVERY},
            "annotations": {SERVICE_ACCOUNT_ANNOTATION: account, **notes},
            "finalizers": ["example.com/mine"],
        }
        data = {"token": "/w==", "previous-token": "eA=="}
        insider.create("secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


def well(result: Result, *codes: int) -> str:
    """A command that ended as it does on a cluster that is well, or with a word on what it found."""
    assert result.code in (0, *codes), result.text[-4000:]
    for text in ("a bug in the ambient", "Traceback", "\x1b]", "update failed"):
        assert text not in result.text, result.text[-4000:]
    assert len(result.text) < 400_000
    return result.text


def everything_works_and_carols_grant_ends(insider: Insider, *, stranger: bool = True) -> None:
    stack = insider.stack
    shown = well(stack.preview())
    if stranger:
        assert f"RoleBinding {DEVS} also names user:mallory@example.com" in shown
    well(stack.ambient("keys", "list", stack.name), 2)
    well(stack.ambient("access", stack.name, "--live"), 2)
    well(stack.ambient("report", stack.name))
    stack.write(TWO.replace(GRANT, ""))
    well(stack.ambient("plan", stack.name), 2)
    carol = f"{RBAC}/{stack.w}-b/rolebindings/{CAROL}"
    assert stack.machine.get(carol) is not None
    well(stack.up("--refresh"))
    assert stack.machine.get(carol) is None
    well(stack.preview())


def test_hostile_bindings_stop_nothing(insider: Insider) -> None:
    """6: Hostile RoleBindings of every kind stop no preview, run or report, and a stranger in one is named."""
    plant_bindings(insider)
    everything_works_and_carols_grant_ends(insider)


def test_hostile_accounts_stop_nothing(insider: Insider) -> None:
    """2: ServiceAccounts with times that overflow, deep fields and large notes stop no preview, run or report."""
    plant_accounts(insider)
    everything_works_and_carols_grant_ends(insider, stranger=False)


def test_forged_token_secrets_stop_nothing(insider: Insider) -> None:
    """2: Forged token Secrets (foreign owner, 5,000 digits, a time that overflows) stop no run of the stack."""
    plant_token_secrets(insider)
    everything_works_and_carols_grant_ends(insider, stranger=False)


def test_what_an_admin_saves_stops_nothing(insider: Insider) -> None:
    """2: Free-form settings and Secrets that an admin saves, with the engine's own marks in them, stop no run."""
    stack = insider.stack
    alice = stack.machine.cluster.token_of(ALICE.name)
    api = Api(stack.machine.cluster.url, stack.machine.cluster.ca_file, alice)
    # As text: deeper than Python's own JSON goes.
    deep = '{"a":' * 3_000 + "1" + "}" * 3_000
    servers = '{"search":{"url":"04da6b54-80e4-46f7-96ec-b56ff0331ba9","x":%s},"asset":%s,"deep":%s}'
    asset = '{"4dabf18193072939515e22adb298388d":"c44067f5952c0a294b673a41bacd8c17","text":"x"}'
    body = '{"spec":{"mcpServers":{"custom":' + servers % (asset, asset, deep) + "}}}"
    settings = f"{PLATFORM}/{stack.w}/projectsettings/projectsettings"
    with suppress(RecursionError):  # the answer is as deep: it was taken
        api.request("PATCH", settings, body.encode(), MERGE)
    data: dict[str, Any] = {
        **dict.fromkeys(ASSET, "eA=="),
        "binary": "/w==",
        **{f"n{one}": "eA==" for one in range(2_000)},
    }
    many = ",".join(f'"{name}":"{value}"' for name, value in data.items())
    api.request("PATCH", f"{CORE}/{stack.w}/secrets/{RUNNER_SECRET}", f'{{"data":{{{many}}}}}'.encode(), MERGE)
    flags = f'{{"data":{{"jira-write":"{"x" * 100_000}"}}}}'
    api.request("PATCH", f"{CORE}/{stack.w}/configmaps/feature-flag-overrides", flags.encode(), MERGE)
    well(stack.refresh())
    everything_works_and_carols_grant_ends(insider, stranger=False)
    assert stack.preview("--refresh", "--expect-no-changes").ok().unchanged
