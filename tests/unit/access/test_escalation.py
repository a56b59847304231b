"""Who can become what: each path by a table, what holds for every ledger, and that each claim has its tests."""

import ast
from pathlib import Path as FilePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.access.escalation.findings import Severity
from ambient_components.platform.subjects import home_of
from ambient_components.rules.escalation_paths import Path
from tests.support.ledgers import admin_keys_with_editors, escalations, of_ledger

ENGINE = FilePath(__file__).parents[2] / "engine"
OF_LEDGERS = set(Path) - {Path.UNDECLARED_ACCESS}
"""Paths that follow from what is declared; the other one is what a cluster has beside it."""
MINTING = {Path.ADMIN_KEY, Path.ACCOUNT, Path.ACTING_KEY, Path.CREATOR_NOTE, Path.KEPT_TOKEN, Path.PLATFORM_ACCOUNT}


def key(role="edit", **more):
    return {"role": role, "generation": 1, **more}


def entry(owners=(), keys=None, state="active", **more):
    """An entry of a ledger; grants by `grants`."""
    return {"state": state, "owners": list(owners), "grants": more.pop("grants", {}), "keys": keys or {}, **more}


AS_ITSELF = {"review": {"schedule": "0 9 * * *"}}
AS_BOT = {"review": {"schedule": "0 9 * * *", "runAs": "ci-robot"}}


def found(ledger, path, workspace="w"):
    """The one finding of a path in a workspace; None, where there is none."""
    matching = [finding for finding in escalations(ledger) if (finding.path, finding.workspace) == (path, workspace)]
    assert len(matching) < 2
    return matching[0] if matching else None


def subjects(finding):
    return [assignment.subject for assignment in finding.who]


DEVS = {"group:devs": "edit"}
ROOT = {"root": key("admin")}


@pytest.mark.parametrize(
    ("declared", "keys"),
    [
        pytest.param(entry(), [], id="nobody"),
        pytest.param(entry(keys=ROOT), [], id="an admin key alone"),
        pytest.param(entry(grants=DEVS), [], id="edit alone"),
        pytest.param(entry(grants=DEVS, keys=ROOT), ["root"], id="an edit grant beside it"),
        pytest.param(entry(keys={**ROOT, "ci": key()}), ["root"], id="an edit key beside it"),
        pytest.param(entry(grants=DEVS, keys={"b": key("admin"), "a": key("admin")}), ["a", "b"], id="two"),
        pytest.param(entry(grants={"user:v": "view"}, keys={**ROOT, "r": key("view")}), [], id="view beside it"),
        pytest.param(entry(["user:o"], ROOT, grants={"user:a": "admin"}), [], id="admins beside it"),
        pytest.param(entry(["user:o"], ROOT, grants={"user:o": "edit"}), [], id="edit of an owner, an admin anyway"),
        pytest.param({"state": "active", "owners": None, "grants": None, "keys": None}, [], id="an entry of nothing"),
    ],
)
def test_admin_keys_that_somebody_with_edit_can_take(declared, keys):
    assert admin_keys_with_editors(declared) == keys
    finding = found({"w": declared}, Path.ADMIN_KEY)
    assert (list(finding.keys) if finding else []) == keys


@pytest.mark.parametrize(
    ("path", "declared", "severity", "who"),
    [
        (Path.ADMIN_KEY, entry(["user:o"], ROOT, grants=DEVS), "high", ["group:devs"]),
        (Path.ADMIN_KEY, entry(keys={**ROOT, "ci": key()}), "high", ["key:ci"]),
        (Path.ACCOUNT, entry(["serviceaccount:w:bot"], grants=DEVS), "high", ["group:devs"]),
        (Path.ACCOUNT, entry(grants={"user:system:serviceaccount:w:bot": "admin", **DEVS}), "high", ["group:devs"]),
        (
            Path.ACCOUNT,
            entry(["user:o"], grants={"group:system:serviceaccounts:w": "edit"}),
            "high",
            ["group:system:serviceaccounts:w", "user:o"],
        ),
        (Path.ACCOUNT, entry(["serviceaccount:ci:bot"]), "medium", ["serviceaccount:ci:bot"]),
        (Path.ACCOUNT, entry(["serviceaccount:w:bot"], grants={"user:v": "view"}), None, []),
        (Path.ACCOUNT, entry(grants={"user:system:serviceaccount:w:bot": "view", **DEVS}), None, []),
        (Path.ACCOUNT, entry(grants={"group:system:serviceaccounts:w": "view", **DEVS}), None, []),
        (Path.ACCOUNT, entry(grants={"group:system:serviceaccounts": "edit"}), None, []),
        (Path.ACTING_KEY, entry(grants=DEVS, keys={"n": key("view", actsAs="al")}), "high", ["group:devs", "key:n"]),
        (Path.ACTING_KEY, entry(grants={"user:v": "view"}, keys={"n": key("view", actsAs="al")}), "high", ["key:n"]),
        (Path.ACTING_KEY, entry(grants=DEVS, keys={"n": key("view")}), None, []),
        (Path.STATIC_KEY, entry(grants=DEVS, keys={"n": key("view", static=True)}), "medium", ["group:devs"]),
        (Path.STATIC_KEY, entry(keys={"n": key("edit", static=True)}), "high", ["key:n"]),
        (Path.STATIC_KEY, entry(keys={"n": key("view", static=True)}), "medium", []),
        (Path.STATIC_KEY, entry(grants=DEVS, keys={"n": key("view", never=True)}), None, []),
        (Path.CREATOR_NOTE, entry(["user:o"], grants=DEVS), "medium", ["group:devs", "user:o"]),
        (Path.CREATOR_NOTE, entry(grants={"user:v": "view"}), None, []),
        (Path.SESSION_USER, entry(["user:o"], grants=DEVS), "medium", ["group:devs", "user:o"]),
        (Path.SESSION_USER, entry(["user:o"], state="closed"), None, []),
        (Path.ACTING_SCHEDULE, entry(grants=DEVS, schedules=AS_BOT), "medium", ["group:devs"]),
        (Path.ACTING_SCHEDULE, entry(grants=DEVS, schedules=AS_ITSELF), None, []),
        (Path.STORE_IN_PODS, entry(grants={"user:v": "view"}), "medium", ["user:v"]),
        (Path.STORE_IN_PODS, entry(), None, []),
        (Path.STORE_IN_PODS, entry(["user:o"], state="closed"), None, []),
        (Path.KEPT_TOKEN, entry(grants=DEVS, keys={"r": key("view")}), "medium", ["group:devs"]),
        (Path.KEPT_TOKEN, entry(keys={"ci": key()}), "medium", ["key:ci"]),
        (Path.KEPT_TOKEN, entry(grants={"user:v": "view"}, keys={"r": key("view")}), None, []),
        (Path.KEPT_TOKEN, entry(grants=DEVS), None, []),
        (Path.SESSION_SECRETS, entry(grants=DEVS, secrets={"integrations": {"A": "env A"}}), "medium", ["group:devs"]),
        (Path.SESSION_SECRETS, entry(grants={"user:v": "view"}, secrets={"integrations": {"A": "env A"}}), None, []),
        (Path.SESSION_SECRETS, entry(grants=DEVS), None, []),
        (Path.PLATFORM_ACCOUNT, entry(["user:o"], grants=DEVS), "low", ["group:devs"]),
        (Path.PLATFORM_ACCOUNT, entry(["user:o"]), None, []),
        (Path.RUNNER_SECRET, entry(grants=DEVS), "low", ["group:devs"]),
        (Path.RUNNER_SECRET, entry(grants={"user:v": "view"}), None, []),
        (Path.GRANTS_EDIT, entry(grants=DEVS), "low", ["group:devs"]),
        (Path.GRANTS_EDIT, entry(grants={"user:a": "admin", "user:v": "view"}), None, []),
        (Path.REMOVES_ACCESS, entry(["user:o"], grants=DEVS), "low", ["group:devs"]),
        (Path.REMOVES_ACCESS, entry(grants={**DEVS, "user:b": "edit"}), "low", ["group:devs", "user:b"]),
        (Path.REMOVES_ACCESS, entry(grants=DEVS), None, []),
        (Path.DELIVERED_KEY, entry(keys={"r": key("view", deliver="ci/payments")}), "low", []),
        (Path.DELIVERED_KEY, entry(keys={"r": key("view")}), None, []),
        (Path.PIPELINE, entry(grants={"pipeline:github:acme/pay:7@main": "view"}), "low", []),
        (Path.PIPELINE, entry(grants={"user:github:alice": "view"}), None, []),
    ],
)
def test_a_path(path, declared, severity, who):
    finding = found({"w": declared}, path)
    assert (finding.severity.value if finding else None) == severity
    assert (subjects(finding) if finding else []) == who


def test_every_path_is_in_the_table():
    marks = test_a_path.pytestmark
    assert {row[0] for row in marks[0].args[1] if row[2]} == OF_LEDGERS
    assert {row[0] for row in marks[0].args[1] if not row[2]} == OF_LEDGERS - {Path.ADMIN_KEY}


class TestAccountsOfOtherWorkspaces:
    HOME = entry(["user:h"], {"ci": key(), "r": key("view")}, grants={"group:home": "edit", "user:v": "view"})

    def test_whoever_mints_there_takes_the_role_here(self):
        finding = found({"w": entry(["serviceaccount:home:bot"]), "home": self.HOME}, Path.ACCOUNT)
        assert (finding.severity, finding.becomes) == (Severity.HIGH, "admin")
        assert [(assignment.workspace, assignment.subject) for assignment in finding.who] == [
            ("home", "group:home"),
            ("home", "key:ci"),
            ("home", "user:h"),
        ]

    def test_where_nobody_mints_there_nobody_does(self):
        assert found({"w": entry(["serviceaccount:home:bot"]), "home": entry()}, Path.ACCOUNT) is None

    def test_of_several_roles_the_strongest_counts(self):
        grants = {"group:system:serviceaccounts:home": "view", "user:system:serviceaccount:home:bot": "edit"}
        finding = found({"w": entry(grants=grants), "home": self.HOME}, Path.ACCOUNT)
        assert finding.becomes == "edit"
        assert all(subject in finding.how for subject in grants)


@pytest.mark.parametrize(
    ("subject", "home"),
    [
        ("serviceaccount:ns:name", "ns"),
        ("user:system:serviceaccount:ns:name", "ns"),
        ("group:system:serviceaccounts:ns", "ns"),
        ("group:system:serviceaccounts", None),
        ("group:system:serviceaccounts:", None),
        ("group:system:authenticated", None),
        ("user:alice@example.com", None),
        ("group:serviceaccount:ns:name", None),
        ("key:ci", None),
    ],
)
def test_the_namespace_of_an_account(subject, home):
    assert home_of(subject) == home


def test_what_sessions_read_is_named_and_no_value_is():
    declared = entry(
        grants=DEVS,
        secrets={
            "integrations": {"LOG_LEVEL": "env X", "GITHUB_TOKEN": "env X"},
            "runner": {"ANTHROPIC_API_KEY": "env X"},
        },
        bucket={"name": "payments-sessions", "driver": "s3"},
    )
    finding = found({"w": declared}, Path.SESSION_SECRETS)
    assert finding.can == "read ANTHROPIC_API_KEY, GITHUB_TOKEN, LOG_LEVEL, the bucket's credentials"


def test_an_own_bucket_is_the_remedy_for_the_shared_store_and_has_another_one():
    shared = found({"w": entry(grants=DEVS)}, Path.STORE_IN_PODS)
    own = found({"w": entry(grants=DEVS, bucket={"name": "mine", "driver": "s3"})}, Path.STORE_IN_PODS)
    assert "of all workspaces" in shared.can
    assert shared.remedy[0].startswith("storage.bucket:")
    assert own.can == "read and write the bucket mine"
    assert "storage.bucket.credentials.generation" in own.remedy[0]


# What holds for every ledger

NAMES = st.sampled_from(["a", "b", "c"])
SUBJECTS = st.sampled_from(
    ["user:a", "user:b", "group:g", "group:system:serviceaccounts:a", "user:system:serviceaccount:b:bot"]
)
OWNERS = st.lists(st.sampled_from(["user:a", "user:o", "serviceaccount:a:bot", "serviceaccount:x:bot"]), unique=True)
ROLES = st.sampled_from(["view", "edit", "admin"])
KEYS = st.dictionaries(
    NAMES,
    st.builds(key, ROLES, static=st.booleans(), deliver=st.sampled_from([None, "ci/payments"])),
    max_size=3,
)
ENTRIES = st.builds(
    entry,
    OWNERS,
    KEYS,
    st.sampled_from(["active", "closed", "released"]),
    grants=st.dictionaries(SUBJECTS, ROLES, max_size=4),
    secrets=st.sampled_from([{}, {"integrations": {"A": "env A"}}]),
)
LEDGERS = st.dictionaries(NAMES, ENTRIES, max_size=3)


@given(LEDGERS)
def test_everybody_who_is_named_holds_something_in_the_ledger(ledger):
    held = of_ledger(ledger)
    for finding in escalations(ledger):
        assert set(finding.who) <= held
        assert list(finding.who) == sorted(set(finding.who))
        assert set(finding.keys) <= set(ledger[finding.workspace]["keys"])


@given(LEDGERS)
def test_every_finding_says_how_and_what_to_change_and_is_there_once(ledger):
    findings = escalations(ledger)
    assert all(finding.can and finding.how and finding.remedy for finding in findings)
    texts = [(finding.workspace, finding.path, finding.can, finding.how) for finding in findings]
    assert len(set(texts)) == len(texts)


@given(LEDGERS, NAMES, SUBJECTS, ROLES)
def test_another_grant_takes_no_finding_away(ledger, workspace, subject, role):
    if workspace not in ledger or subject in ledger[workspace]["grants"]:
        return
    changed = {**ledger[workspace], "grants": {**ledger[workspace]["grants"], subject: role}}
    after = escalations({**ledger, workspace: changed})
    for before in escalations(ledger):
        same = [other for other in after if (other.workspace, other.path) == (before.workspace, before.path)]
        assert any(
            other.rank <= before.rank and (before.path is Path.ACCOUNT or set(other.who) >= set(before.who))
            for other in same
        )


@given(st.dictionaries(NAMES, st.builds(entry, grants=st.dictionaries(SUBJECTS, st.just("view"))), max_size=3))
def test_where_all_only_view_and_there_are_no_keys_nobody_mints(ledger):
    known = [finding for finding in escalations(ledger) if finding.path in MINTING]
    # Of an account of a namespace that is none of the stack's nobody here knows who mints it.
    assert all(finding.path is Path.ACCOUNT and finding.severity is Severity.MEDIUM for finding in known)


@given(LEDGERS)
def test_the_guardrails_predicate_and_the_report_agree(ledger):
    reported = {
        finding.workspace: list(finding.keys) for finding in escalations(ledger) if finding.path is Path.ADMIN_KEY
    }
    exposed = {name: keys for name, declared in ledger.items() if (keys := admin_keys_with_editors(declared))}
    assert reported == exposed


# Claims and their tests


def _claims():
    tree = ast.parse((ENGINE / "test_escalation.py").read_text(encoding="utf-8"))
    (value,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "CLAIMS"
    ]
    return ast.literal_eval(value)


def _engine_tests():
    files = ("test_escalation.py", "test_escalation_platform.py")
    trees = [ast.parse((ENGINE / file).read_text(encoding="utf-8")) for file in files]
    return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("path", sorted(OF_LEDGERS))
def test_every_claim_is_tried_the_yes_and_the_no(path):
    claim = _claims()[path.value]
    assert claim.keys() == {"yes", "no"}
    assert all(claim.values())
    assert {name for names in claim.values() for name in names} <= _engine_tests()


def test_no_claim_is_tried_that_nobody_makes():
    assert set(_claims()) == {path.value for path in OF_LEDGERS}
