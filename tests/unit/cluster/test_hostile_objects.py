"""No object that a workspace user may write stops a step: every kind that is read, hostile in every field.

The rule is `ambient_components.cluster.objects`'. Each object of a world that is well is replaced by every hostile
variant of itself, and the step is done: it may find drift and may warn, and what it says of others is the same.
"""

import json

import pytest

from ambient_components.access.cluster_access import missing, unknown
from ambient_components.cli.app import run
from ambient_components.cli.keys.list import as_csv, as_json, as_table
from ambient_components.platform import naming
from ambient_components.platform.contract import BOUND_OBJECT, BOUND_OBJECT_LABEL, KEY_LABEL
from ambient_components.stacks.key_table import Limits, rows, seen_in
from tests.support.access_cli import ALICE, LEDGER, RBAC, FakePulumi, api, project, pulumi
from tests.support.access_objects import account, account_name, by_platform, grant, made, of_kind, recognised
from tests.support.fake_plugin import (
    CLOSURE,
    CONTAINERS,
    FLAGS,
    SETTINGS,
    TOKEN,
    WORKSPACE_SECRET,
    plain,
    running,
)
from tests.support.fake_plugin import LEDGER as LEDGER_URN
from tests.support.hostile import VALUES, replaced, variants
from tests.support.key_rows import NOW, key, summary
from tests.support.ledgers import expected, live
from tests.support.parts import LIMITS, MAP, PROJECT, RANGE, WANTED

__all__ = ["api", "project", "pulumi"]

OWNER = "app/dev"
LABELS = ("metadata", "labels")
"""Selects what is listed: without its own an object is not met."""
NAMESPACE = "/api/v1/namespaces/pay"
CORE = "/api/v1/namespaces"
SECRET = f"{NAMESPACE}/secrets/ambient-runner-secrets"
SECRETS = {"namespace": "pay", "secret": "ambient-runner-secrets", "values": {"A": "a", "B": "b"}}
LIMIT = 400_000
"""Characters of all that one step says, and of all that it puts into the state: a few megabytes can't be read."""


@pytest.fixture(scope="module")
def world():
    with pytest.MonkeyPatch.context() as patch, running(patch) as all_of_it:
        # Sixty requests a check, about nothing that is tried here.
        patch.setattr("ambient_components.provider.ledger.preflight.missing_rights", lambda *_: [])
        all_of_it.api.add("/api/v1/namespaces", "pay", annotations={"ambient-components/owner": OWNER})
        all_of_it.api.add("/api/v1/namespaces", "zoo", annotations={"ambient-components/owner": OWNER})
        yield all_of_it


@pytest.fixture(autouse=True)
def _as_it_was(world):
    before = dict(world.api.objects)
    yield
    world.api.objects.clear()
    world.api.objects.update(before)
    world.api.log.clear()
    world.engine.lines.clear()


def reported(world):
    """The warnings of the step; and that they are of a size that a person can read."""
    texts = world.engine.texts("warning")
    world.engine.lines.clear()
    world.api.log.clear()
    assert sum(map(len, texts)) < LIMIT
    return texts


# Objects that are ours in part.


@pytest.mark.parametrize(
    ("urn", "desired", "path", "below"),
    [
        pytest.param(SETTINGS, WANTED, PROJECT, "spec", id="settings"),
        pytest.param(CONTAINERS, LIMITS, RANGE, "spec", id="containers"),
        pytest.param(FLAGS, {"namespace": "pay", "flags": {"a": True, "b": False}}, MAP, "data", id="flags"),
        pytest.param(WORKSPACE_SECRET, SECRETS, SECRET, "data", id="secret"),
    ],
)
def test_a_part_is_read_compared_and_previewed_whatever_is_there(world, urn, desired, path, below):
    _, state = world.plugin.create(desired, urn=urn)
    well = world.api.objects[path]
    assert well[below]
    for variant in variants(well):
        world.api.objects[path] = variant
        answer = world.plugin.read(desired, state, urn=urn, identity="pay/x")
        assert answer.id
        properties = plain(answer.inputs), plain(answer.properties)
        assert len(json.dumps(properties)) < LIMIT
        world.plugin.diff(*properties, desired, urn=urn)
        world.plugin.check(desired, properties[0], urn=urn)
        world.plugin.create(desired, urn=urn, preview=True)
        world.plugin.update(properties[1], desired, urn=urn, preview=True)
        reported(world)


def test_what_others_save_in_a_free_field_gives_way_to_the_file(world):
    """ProjectSettings' servers have no schema: whoever is admin writes what they like, to any depth."""
    _, state = world.plugin.create(WANTED, urn=SETTINGS)
    well = world.api.objects[PROJECT]
    for place in (("custom", "search"), ("custom", "mine"), ("custom", "search", "url")):
        for value in VALUES:
            world.api.objects[PROJECT] = replaced(well, ("spec", "mcpServers", *place), value)
            answer = world.plugin.read(WANTED, state, urn=SETTINGS, identity="pay/x")
            world.plugin.update(plain(answer.properties), WANTED, urn=SETTINGS)
            again = world.plugin.read(WANTED, state, urn=SETTINGS, identity="pay/x")
            assert plain(again.inputs) == WANTED


# Access.


ENTRY = {
    "state": "active",
    "owners": ["user:alice"],
    "grants": {"group:devs": "edit"},
    "keys": {"ci": {"role": "edit", "lifetimeSeconds": 86_400, "generation": 1}},
}


def deploy(world, *extra):
    """All that the ledger of `pay` says, and more; each object by its path."""
    bindings, accounts = made({"pay": ENTRY})
    for collection, items in (("rolebindings", [*bindings, *extra]), ("serviceaccounts", accounts)):
        base = f"{RBAC}/namespaces/pay" if collection == "rolebindings" else NAMESPACE
        for item in items:
            body = {name: value for name, value in item.items() if name != "metadata"}
            world.api.add(f"{base}/{collection}", item["metadata"]["name"], labels=item["metadata"]["labels"], **body)
    return [path for path in world.api.objects if path.split("/")[-2] in ("rolebindings", "serviceaccounts")]


def each_hostile(world, where):
    """The world with one hostile object at a time, and then as it was."""
    for path in where:
        well = world.api.objects[path]
        for variant in variants(well, keep=[LABELS, (*LABELS, next(iter(well["metadata"]["labels"])))]):
            world.api.objects[path] = variant
            yield path, variant
        world.api.objects[path] = well


@pytest.mark.slow
def test_the_ledgers_check_refuses_nothing_and_says_the_same_of_others(world):
    """It is one resource for the whole stack: what fails there stops everything."""
    where = deploy(world)
    mallory = {"subjects": [{"kind": "User", "name": "mallory"}], "roleRef": {"kind": "ClusterRole", "name": "x"}}
    labels = {"app": "ambient-permission"}
    world.api.add(f"{RBAC}/namespaces/zoo/rolebindings", "by-hand", labels=labels, **mallory)
    workspaces = {"pay": ENTRY, "zoo": {"state": "active", "owners": [], "grants": {}, "keys": {}}}
    ends = {**workspaces, "pay": {**ENTRY, "grants": {}}}
    for _ in each_hostile(world, where):
        for after in (workspaces, ends):
            news, olds = ({"owner": OWNER, "workspaces": one} for one in (after, workspaces))
            answer = world.plugin.check(news, olds, urn=LEDGER_URN)
            assert [failure.reason for failure in answer.failures] == []
            about_zoo = [text for text in reported(world) if "'zoo'" in text]
            assert len(about_zoo) == 1
            assert about_zoo[0].startswith("workspace 'zoo': x of user:mallory: in the cluster, and in no file")


@pytest.mark.parametrize("state", ["closed", pytest.param("released", marks=pytest.mark.slow)])
def test_a_workspace_that_is_not_in_use_refuses_nothing(world, state):
    where = deploy(world)
    ledger = {"owner": OWNER, "workspaces": {"pay": {**ENTRY, "state": state}}}
    for path, _ in each_hostile(world, where[:2]):
        assert not world.plugin.check(ledger, ledger, urn=LEDGER_URN).failures, path
        reported(world)
    for path in where:
        del world.api.objects[path]
    assert not world.plugin.check(ledger, ledger, urn=LEDGER_URN).failures


def test_a_closed_workspace_is_read_whatever_is_in_it(world):
    where = deploy(world)
    inputs = {"namespace": "pay", "staying": []}
    for _ in each_hostile(world, where):
        answer = world.plugin.read(inputs, {"found": []}, urn=CLOSURE, identity="pay")
        assert answer.id == "pay"
        assert len(json.dumps(plain(answer.properties))) < LIMIT


def test_a_key_is_read_whatever_token_secrets_there_are(world):
    name = naming.key_account("pay", "ci", 1)
    world.api.add(f"{NAMESPACE}/serviceaccounts", name, uid="uid-of-the-account")
    desired = {
        "namespace": "pay",
        "serviceAccount": name,
        "serviceAccountUid": "uid-of-the-account",
        "key": "ci",
        "owner": OWNER,
        "generation": 1,
        "lifetimeSeconds": 86_400,
    }
    _, state = world.plugin.create(desired, urn=TOKEN)
    (minted,) = [
        path for path in world.api.objects if "/secrets/" in path and BOUND_OBJECT in str(world.api.objects[path])
    ]
    theirs = f"{CORE}/pay/secrets/theirs"
    notes = world.api.objects[minted]["metadata"]["annotations"]
    world.api.add(
        f"{CORE}/pay/secrets", "theirs", labels={BOUND_OBJECT_LABEL: BOUND_OBJECT, KEY_LABEL: "ci"}, annotations=notes
    )
    for _ in each_hostile(world, [theirs]):
        assert world.plugin.read(desired, state, urn=TOKEN).id
        reported(world)


# The commands that read a cluster.


def test_access_of_other_workspaces_is_the_same_whatever_is_in_one():
    bindings, accounts = made(LEDGER)
    items = by_platform("billing", "s1")
    theirs = [*bindings, *of_kind(items, "RoleBinding"), grant("billing", "user:mallory", "view")]
    own = recognised(items)
    declared = expected(LEDGER)

    def of_payments(some, more):
        there = live(some, more, LEDGER, own)
        access = (*unknown(declared, there), "missing", *missing(declared, there))
        return [one for one in access if one == "missing" or one.workspace != "billing"]

    well = of_payments(theirs, accounts)
    for index, one in enumerate(theirs):
        if one["metadata"]["namespace"] == "billing":
            for hostile in variants(one):
                assert of_payments([*theirs[:index], hostile, *theirs[index + 1 :]], accounts) == well
    for index, one in enumerate(accounts):
        if one["metadata"]["namespace"] == "billing":
            for hostile in variants(one):
                assert of_payments(theirs, [*accounts[:index], hostile, *accounts[index + 1 :]]) == well


def test_the_table_of_keys_is_the_same_for_other_workspaces():
    used = {"ambient-code.io/last-used-at": "2026-11-24T00:00:00Z", "ambient-code.io/key-name": "x"}

    def noted(one):
        more = {"annotations": used, "creationTimestamp": "2026-11-01T00:00:00Z"}
        return {**one, "metadata": {**one["metadata"], **more}}

    mine, theirs = noted(account("payments", "ambient-key-ci-0")), noted(account("billing", "ambient-key-ci-1"))
    well = seen_in([mine])
    for hostile in variants(theirs):
        seen = seen_in([hostile, mine])
        assert seen["payments", "ambient-key-ci-0"] == well["payments", "ambient-key-ci-0"]
        listed = rows(summary(key(account="ambient-key-ci-1"), workspace="billing"), seen, Limits(NOW - NOW, NOW - NOW))
        for form in (as_csv(listed), as_json(listed, NOW), as_table(listed, NOW)):
            assert len(form) < LIMIT


def test_the_commands_end_as_they_do_on_a_cluster_that_is_well(
    pulumi: FakePulumi, api, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through real HTTP: what the client itself makes of such an answer."""
    path = f"/api/v1/namespaces/billing/serviceaccounts/{account_name('billing', 'ci')}"
    well = api.objects[path]
    for variant in variants(well, keep=[LABELS, (*LABELS, "app")]):
        api.objects[path] = variant
        assert run(["access", "dev", "--live"]) == 0
        shown = capsys.readouterr()
        assert ALICE in shown.out
        assert shown.err == ""
