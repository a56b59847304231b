"""`--renew-accounts`: which accounts of a workspace are replaced, which end, and which are left."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ambient_components.access.remaining import Holder
from ambient_components.cli.edits import renewal
from ambient_components.cli.edits.renewal import Renewal, renew_accounts
from ambient_components.cli.edits.survey import survey
from ambient_components.cluster.client import Cluster
from tests.support.access_cli import put
from tests.support.access_objects import account_name, by_platform, made
from tests.support.fake_api import PLATFORM, FakeApi
from tests.support.ledgers import ledger

W = "payments"
NOW = datetime(2026, 11, 29, tzinfo=UTC)
LEDGER = {W: {"state": "active", "owners": [], "grants": {}, "keys": {"ci": {"role": "edit", "generation": 1}}}}
ACCOUNTS = f"/api/v1/namespaces/{W}/serviceaccounts"
SECRETS = f"/api/v1/namespaces/{W}/secrets"
RBAC = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{W}"
TRIGGER, RUN, FORGED = "ambient-session-trigger", "ambient-session-run-1", "ambient-session-forged"
WIDENED = {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "PAUSE", 0.0)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """A workspace with a key, what the platform makes for schedules and one session, and an account of others."""
    with FakeApi() as server:
        server.add("/api/v1/namespaces", W)
        bindings, accounts = made(LEDGER)
        forged = [one for one in by_platform(W, "forged") if "forged" in one["metadata"]["name"]]
        put(server, *bindings, *by_platform(W, "run-1"), accounts=accounts)
        put(server, *(item for item in forged if item["kind"] != "AgenticSession"))
        server.add(ACCOUNTS, "default", imagePullSecrets=[{"name": "registry"}])
        server.add(ACCOUNTS, "bot")
        server.add(SECRETS, "ambient-runner-token-run-1")
        yield server


def renewed(api: FakeApi) -> Renewal:
    return renew_accounts(Cluster(kubeconfig=api.kubeconfig()), ledger(LEDGER), [W], NOW)


def uid(api: FakeApi, name: str) -> str:
    return str(api.objects[f"{ACCOUNTS}/{name}"]["metadata"]["uid"])


def test_each_account_by_where_it_is_from(api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    key = account_name(W, "ci")
    before = {name: uid(api, name) for name in (TRIGGER, "default", "bot", key)}
    found = renewed(api)
    assert found.failed == []
    assert found.renewed == {(W, name) for name in (TRIGGER, RUN, FORGED, "default")}
    same = {name: uid(api, name) == former for name, former in before.items()}
    assert same == {TRIGGER: False, "default": False, "bot": True, key: True}
    assert api.objects[f"{ACCOUNTS}/default"]["imagePullSecrets"] == [{"name": "registry"}]
    # What the operator makes again with the next start of the session is gone; its Role and RoleBinding do no harm.
    assert {f"{ACCOUNTS}/{RUN}", f"{SECRETS}/ambient-runner-token-run-1"} & api.objects.keys() == set()
    assert f"{RBAC}/rolebindings/{RUN}-rb" in api.objects
    assert f"{ACCOUNTS}/{FORGED}" not in api.objects
    assert f"{RBAC}/rolebindings/{FORGED}-rb" not in api.objects
    assert f"{RBAC}/rolebindings/{TRIGGER}" in api.objects
    shown = capsys.readouterr().out
    assert f"  {W}: the account {RUN} ended; its session has one again when it starts\n" in shown
    assert f"  {W}: the account {FORGED} ended; it had no session\n" in shown
    owner = api.objects[f"{ACCOUNTS}/{TRIGGER}"]["metadata"]
    assert owner["labels"] == {"ambient-code.io/managed": "true"}


def test_what_is_not_as_the_operator_makes_it_ends_and_the_operator_is_asked(api: FakeApi) -> None:
    api.objects[f"{RBAC}/roles/{TRIGGER}"]["rules"].append(WIDENED)
    assert renewed(api).failed == []
    assert f"{RBAC}/rolebindings/{TRIGGER}" not in api.objects
    settings = api.objects[f"{PLATFORM}/namespaces/{W}/projectsettings/projectsettings"]
    assert settings["metadata"]["annotations"] == {"ambient-components/opened-at": "2026-11-29T00:00:00Z"}


def test_what_could_mint_tokens_of_the_new_accounts_ends_first(api: FakeApi) -> None:
    renewed(api)
    deleted = [request.path.rsplit("/", 2)[1:] for request in api.log if request.method == "DELETE"]
    assert deleted[0] == ["rolebindings", f"{FORGED}-rb"]
    assert {tuple(one) for one in deleted[-2:]} == {("serviceaccounts", TRIGGER), ("serviceaccounts", "default")}


def test_one_that_can_not_be_renewed_stops_no_other(api: FakeApi) -> None:
    api.fail("DELETE", f"serviceaccounts/{TRIGGER}", 403, "no")
    found = renewed(api)
    (problem,) = found.failed
    assert problem.problem.startswith(f"{W}: the account {TRIGGER} is not renewed: ")
    assert problem.hints[-1] == f"kubectl delete serviceaccount -n {W} {TRIGGER}"
    assert (W, "default") in found.renewed


def test_where_nothing_can_be_read_nothing_is_renewed(api: FakeApi) -> None:
    api.fail("GET", "serviceaccounts", 403, "no")
    (problem,) = renewed(api).failed
    assert problem.problem.startswith(f"{W}: its accounts are not renewed: ")
    assert [request for request in api.log if request.method != "GET"] == []


@pytest.mark.parametrize("asked", [True, False])
def test_what_is_left_is_named_with_the_next_command(api: FakeApi, asked: bool) -> None:
    holder = Holder("user:bob", frozenset({"user:bob"}), frozenset({W}))
    done: Any = renewed(api).renewed if asked else None
    if not asked:
        del api.objects[f"{RBAC}/rolebindings/{FORGED}-rb"]
    left = survey(Cluster(kubeconfig=api.kubeconfig()), holder, ledger(LEDGER), renewed=done)
    assert [*left.problems()] == []
    (line,) = left.lines()
    others = "bot" if asked else f"{FORGED}, {RUN}, {TRIGGER}, bot, default"
    assert line.startswith(f"{W}: not known: user:bob could mint tokens of key ci, {others}, and those stay valid")
    rotate = f"ambient keys rotate dev --workspace {W} --leaked --now"
    expected = [f"kubectl delete serviceaccount -n {W} bot  # if nothing needs it", rotate]
    assert left.next_steps("dev") == (expected if asked else [f"{rotate} --renew-accounts"])
