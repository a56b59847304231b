"""Workspaces between states: nothing is lost, nothing is left, nothing is done twice, and back is where it began."""

import copy
import json
from collections.abc import Callable, Collection
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.engine.rewriting import items
from ambient_components.engine.secrets import SECRET, SIGNATURE_KEY
from ambient_components.engine.urns import is_provider
from ambient_components.errors import AmbientError
from ambient_components.fleet.moves import (
    Place,
    arrived,
    check_state,
    drop,
    emptied,
    owner_of,
    parts_of,
)
from ambient_components.stacks.reading import ledger_from_state
from tests.support.quick import examples

PROJECT = "ours"
STACK, LEDGER = "pulumi:pulumi:Stack", "ambient:index:AccessLedger"
TARGET = Place("prod-01", "ambient-code/ambient-components-0123456789-01")


def secret(text: str) -> dict[str, str]:
    return {SIGNATURE_KEY: SECRET, "ciphertext": text}


def urn(stack: str, kind: str, name: str) -> str:
    return f"urn:pulumi:{stack}::{PROJECT}::{kind}::{name}"


def resource(stack: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"urn": urn(stack, kind, name), "type": kind.rpartition("$")[2], "custom": "id" in more, **more}


def state(stack: str, workspaces: dict[str, int], *, salt: str = "v1:salt", record: str = "") -> dict[str, Any]:
    """A deployed shard; each workspace has so many keys."""
    root = urn(stack, STACK, f"{PROJECT}-{stack}")
    ids = {kind: f"{kind}-of-{stack}" for kind in ("ambient", "kubernetes")}
    refs = {kind: f"{urn(stack, f'pulumi:providers:{kind}', 'cluster')}::{ids[kind]}" for kind in ids}
    ledger = urn(stack, LEDGER, "access")
    entries = {
        name: {"state": "active", "keys": {f"k{n}": {} for n in range(keys)}} for name, keys in workspaces.items()
    }
    reported = {"owner": f"{PROJECT}/prod", "workspaces": entries} | ({"record": record} if record else {})
    outputs = {f"{name}/k{n}": secret(name) for name, keys in workspaces.items() for n in range(keys)}
    resources = [
        resource(stack, STACK, f"{PROJECT}-{stack}", outputs=outputs),
        *(
            resource(stack, f"pulumi:providers:{kind}", "cluster", id=ids[kind], parent=root,
                     inputs={"clusterUid": "u", "version": stack, "kubeconfig": secret(stack)})
            for kind in ids
        ),
        resource(stack, LEDGER, "access", id=f"{PROJECT}/prod", parent=root, provider=refs["ambient"],
                 inputs=copy.deepcopy(reported), outputs=copy.deepcopy(reported),
                 propertyDependencies={"owner": [], "workspaces": []} | ({"record": []} if record else {})),
    ]  # fmt: skip
    component, parts = "ambient:index:Workspace", []
    for name, keys in workspaces.items():
        own = urn(stack, component, name)
        space = urn(stack, f"{component}$kubernetes:core/v1:Namespace", f"{name}/namespace")
        resources.append(resource(stack, component, name, parent=root, dependencies=[ledger]))
        parts.append(
            resource(
                stack,
                f"{component}$kubernetes:core/v1:Namespace",
                f"{name}/namespace",
                id=name,
                parent=own,
                dependencies=[ledger],
                provider=refs["kubernetes"],
                aliases=[f"{space}-old"],
            )
        )
        for n in range(keys):
            key, kind = urn(stack, f"{component}$ambient:index:ApiKey", f"{name}/key/k{n}"), "ambient:index:AccessToken"
            parts.append(resource(stack, f"{component}$ambient:index:ApiKey", f"{name}/key/k{n}", parent=own))
            parts.append(resource(
                stack, f"{component}$ambient:index:ApiKey${kind}", f"{name}/key/k{n}/g1", id=f"{name}-k{n}", parent=key,
                provider=refs["ambient"], dependencies=[space], deletedWith=space, replaceWith=[space],
                propertyDependencies={"handle": [space], "none": []},
                inputs={"of": {SIGNATURE_KEY: "5cf8", "urn": space}}, outputs={"token": secret("c")},
            ))  # fmt: skip
    return {
        "version": 3,
        "deployment": {
            "manifest": {"time": "t"},
            "secrets_providers": {"type": "passphrase", "state": {"salt": salt}},
            "resources": [*resources, *parts],
            "metadata": {},
        },
    }


def empty(salt: str = "v1:other") -> dict[str, Any]:
    """A stack that was only made."""
    return {
        "version": 3,
        "deployment": {"manifest": {}, "secrets_providers": {"type": "passphrase", "state": {"salt": salt}}},
    }


def raw(value: dict[str, Any]) -> list[dict[str, Any]]:
    return list(value["deployment"].get("resources") or ())


def in_any_order(value: dict[str, Any]) -> dict[str, Any]:
    known = copy.deepcopy(value)
    known["deployment"]["resources"].sort(key=lambda item: json.dumps(item, sort_keys=True))
    return known


def check_order(value: dict[str, Any]) -> None:
    """As the engine's own check of an import: what is needed comes before, providers by their whole reference."""
    seen: set[str] = set()
    providers: set[str] = set()
    for item in items(value):
        assert set(item.references()) <= seen, item.urn
        if "provider" in item.json:
            assert item.json["provider"] in providers, item.urn
        assert item.urn not in seen or item.delete
        seen.add(item.urn)
        if is_provider(item.type):
            providers.add(item.reference)


def move(source: Any, target: Any, names: Collection[str], place: Place) -> tuple[Any, Any]:
    """Both states after workspaces of the first have moved to the second."""
    check_state(source)
    return drop(source, names), arrived(source, target, names, place)


fleets = st.dictionaries(st.sampled_from(["a", "b", "ab", "a-b", "access", "cluster"]), st.integers(0, 2), min_size=1)


@examples(60)
@given(st.data())
def test_there_and_back_is_where_it_began_and_nothing_is_lost(data: st.DataObject) -> None:
    everything = data.draw(fleets)
    here = data.draw(st.sets(st.sampled_from(sorted(everything)), min_size=1))
    names = data.draw(st.sets(st.sampled_from(sorted(here)), min_size=1))
    source = state("prod", {name: everything[name] for name in sorted(here)})
    target = state("prod-01", {name: keys for name, keys in everything.items() if name not in here})
    before = copy.deepcopy((source, target))
    left, given_ = move(source, target, names, TARGET)
    assert (source, target) == before
    check_order(left)
    check_order(given_)
    assert "urn:pulumi:prod::" not in json.dumps(given_)
    assert set(ledger_from_state(left)) == here - names
    assert set(ledger_from_state(given_)) == set(everything) - (here - names)
    assert all(not parts_of(left, name) for name in names)
    for name in names:
        assert len(parts_of(given_, name)) == len(parts_of(source, name))
    assert len(items(left)) + len(items(given_)) == len(items(source)) + len(items(target))
    # What stays is not touched.
    assert items(given_)[4 : len(items(target))] == items(target)[4:]
    again, back = move(given_, left, names, Place("prod"))
    assert in_any_order(back) == in_any_order(source)
    assert in_any_order(again) == in_any_order(target)


@examples(40)
@given(fleets, st.data())
def test_into_an_empty_stack_is_as_if_it_had_been_deployed_there(fleet: dict[str, int], data: st.DataObject) -> None:
    names = data.draw(st.sets(st.sampled_from(sorted(fleet)), min_size=1))
    source = state("prod", fleet)
    _, moved = move(source, empty(), names, TARGET)
    check_order(moved)
    deployed = state("prod-01", {name: keys for name, keys in fleet.items() if name in names}, record=TARGET.record)
    for item in raw(deployed):
        # Providers are copied with the id they have; `pulumi state move` does the same.
        if is_provider(item["type"]):
            item["id"] = item["id"].replace("-of-prod-01", "-of-prod")
            item["inputs"]["version"] = "prod"
            item["inputs"]["kubeconfig"]["ciphertext"] = "prod"
        if "provider" in item:
            item["provider"] = item["provider"].replace("-of-prod-01", "-of-prod")
    deployed["deployment"].pop("manifest")
    moved["deployment"].pop("manifest")
    moved["deployment"].setdefault("metadata", {})
    assert in_any_order(moved) == in_any_order(deployed)


def test_a_shards_record_is_never_another_shards() -> None:
    source = state("prod-00", {"a": 1, "b": 0}, record="ambient-code/record-00")
    left, moved = move(source, empty(), ["a"], TARGET)
    ledger = next(item for item in raw(moved) if item["type"] == LEDGER)
    assert ledger["inputs"]["record"] == ledger["outputs"]["record"] == TARGET.record
    assert "record-00" in json.dumps(left)
    assert "record-00" not in json.dumps(moved)
    _, plain = move(source, empty(), ["a"], Place("prod"))
    assert "record" not in json.dumps(plain)


def test_what_waits_for_its_deletion_goes_along_and_keeps_a_provider() -> None:
    source = state("prod", {"a": 1})
    resources = source["deployment"]["resources"]
    namespace = next(item for item in resources if item["urn"].endswith("a/namespace"))
    old = next(item for item in resources if item["type"] == "pulumi:providers:kubernetes") | {
        "id": "old",
        "delete": True,
    }
    resources.insert(3, old)
    resources.append(namespace | {"id": "gone", "delete": True, "provider": f"{old['urn']}::old"})
    left, moved = move(source, empty(), ["a"], TARGET)
    check_order(moved)
    assert [item["id"] for item in raw(moved) if item.get("delete")] == ["gone"]
    assert [item["id"] for item in raw(left) if item.get("delete")] == ["old"]


def test_a_provider_that_only_they_need_is_copied_behind_the_others() -> None:
    source, target = state("prod", {"a": 0, "b": 0}), state("prod-01", {"c": 0})
    aws = resource(
        "prod", "pulumi:providers:aws", "cluster", id="aws", parent=source["deployment"]["resources"][0]["urn"]
    )
    bucket = resource("prod", "ambient:index:Workspace$aws:s3/bucket:Bucket", "a/storage/bucket", id="x",
                      parent=urn("prod", "ambient:index:Workspace", "a"), provider=f"{aws['urn']}::aws")  # fmt: skip
    source["deployment"]["resources"] += [aws, bucket]
    left, moved = move(source, target, ["a"], TARGET)
    check_order(moved)
    # Where nothing needs it any more, the program does not declare it either.
    assert not any(item["type"] == "pulumi:providers:aws" for item in raw(left))
    assert any(item["type"] == "pulumi:providers:aws" for item in raw(moved))
    _, other = move(source, target, ["b"], TARGET)
    assert not any(item["type"] == "pulumi:providers:aws" for item in raw(other))


def test_an_empty_stack_is_given_what_every_shard_has_and_nothing_else() -> None:
    made = arrived(state("prod", {"a": 1}), empty(), (), TARGET)
    check_order(made)
    kinds = [item["type"] for item in raw(made)]
    assert kinds == [STACK, "pulumi:providers:ambient", "pulumi:providers:kubernetes", LEDGER]
    assert ledger_from_state(made) == {}
    assert named(made, "::access")["inputs"]["record"] == TARGET.record


def refusal(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> str:
    source, target = state("prod", {"a": 1, "b": 0}), state("prod-01", {"c": 0})
    change(source, target)
    with pytest.raises(AmbientError) as caught:
        move(source, target, ["a"], TARGET)
    return str(caught.value)


def named(value: dict[str, Any], end: str) -> dict[str, Any]:
    return next(item for item in raw(value) if item["urn"].endswith(end))


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("other secrets providers", lambda s, _: s["deployment"]["secrets_providers"]["state"].update(salt="x")),
        ("a key of its own", lambda s, _: s["deployment"]["secrets_providers"].update(type="service")),
        ("both states have a", lambda _, t: t["deployment"]["resources"].append(
            resource("prod-01", "ambient:index:Workspace", "a"))),
        ("set up otherwise", lambda s, _: named(s, "ambient::cluster")["inputs"].update(clusterUid="v")),
        ("snippets", lambda s, _: s["deployment"].update(snippets=[{}])),
        ("b depends on a/namespace", lambda s, _: named(s, "Workspace::b").update(
            dependencies=[named(s, "a/namespace")["urn"]])),
        ("a depends on b", lambda s, _: named(s, "Workspace::a").update(
            dependencies=[named(s, "Workspace::b")["urn"]])),
    ],
)  # fmt: skip
def test_refused(text: str, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    assert text in refusal(change)


def test_a_state_in_which_a_run_died_is_refused() -> None:
    pending = {"type": "creating", "resource": {"urn": urn("prod-07", "x:y:Z", "a/namespace")}}
    text = refusal(lambda source, _: source["deployment"].update(pending_operations=[pending]))
    assert "creating a/namespace" in text
    assert "pulumi cancel --stack prod-07 --yes" in text


def test_dropped_from_where_it_is_twice() -> None:
    source = state("prod-00", {"a": 1, "b": 0})
    left, _ = move(source, state("prod-01", {}), ["a"], TARGET)
    assert drop(source, ["a"]) == left


def test_an_empty_shard_can_be_emptied_of_its_own_things_and_no_other() -> None:
    left, moved = move(state("prod-00", {"a": 1}), empty(), ["a"], TARGET)
    assert emptied(moved) is None
    bare = emptied(left)
    assert bare is not None
    assert items(bare) == []
    assert owner_of(left) == "ours/prod"
    left["deployment"]["resources"].append(resource("prod-00", "a:b:C", "mine", id="x"))
    assert emptied(left) is None


def test_the_version_and_features_go_along() -> None:
    _, moved = move(state("prod", {"a": 0}) | {"version": 4, "features": ["x"]}, state("prod-01", {}), ["a"], TARGET)
    assert (moved["version"], moved["features"]) == (4, ["x"])
