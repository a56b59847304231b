"""A key that is delivered to a Secret elsewhere: new beside old, kept or not, lost, moved, and never over another's."""

import base64
import json

import pytest

from tests.support.fake_api import Answer, status
from tests.support.fake_plugin import plain, refusal, secret
from tests.support.tokens import NONE, SECRETS, SOME, WANTED, due, received

ELSEWHERE = "/api/v1/namespaces/ci-system/secrets"
TARGET = f"{ELSEWHERE}/payments-key"
DELIVERED = {**WANTED, "deliver": {"namespace": "ci-system", "name": "payments-key", "key": "token"}}
ONLY_THERE = {**DELIVERED, "retain": "none"}


@pytest.fixture(autouse=True)
def _elsewhere(world):
    world.api.jwt = True
    world.api.add("/api/v1/namespaces", "ci-system")


@pytest.fixture(params=[DELIVERED, ONLY_THERE], ids=["kept in the state", "only there"])
def desired(request):
    return request.param


def there(world, path=TARGET):
    """What lies in the Secret, by key."""
    data = (world.api.objects.get(path) or {}).get("data") or {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def token_of(world, token_secret):
    """The token that was minted for a handle."""
    return world.api.token_of({"name": token_secret["handle"], "uid": token_secret["uid"]})


def mints(world):
    return len([request for request in world.api.seen("POST") if request.path.endswith("/token")])


def refreshed(world, desired, state):
    return plain(world.plugin.read(desired, state).properties)


def test_the_token_is_put_into_the_secret_and_kept_only_where_that_is_asked(world, desired):
    _, state = world.plugin.create(desired)
    token = token_of(world, state["current"])
    assert there(world) == {"token": token}
    assert state["token"] == (None if desired is ONLY_THERE else secret(token))
    assert (desired is ONLY_THERE) == (token not in str(state))
    metadata = world.api.objects[TARGET]["metadata"]
    assert metadata["labels"] == {"ambient-components/delivery": "true"}
    assert metadata["annotations"] == {
        "ambient-components/owner": "app/dev",
        "ambient-components/delivered-key": "pay/ci",
        "ambient-components/generation": "1",
    }
    assert world.plugin.diff(desired, state, desired).changes == NONE
    assert world.plugin.diff(desired, refreshed(world, desired, state), desired).changes == NONE


def test_a_secret_of_somebody_elses_is_never_touched(world, desired):
    world.api.add(ELSEWHERE, "payments-key", data={"token": "eA=="})
    text = refusal(lambda: world.plugin.create(desired))
    assert "Secret ci-system/payments-key exists, and it was not made by this tool: it is not touched" in text
    assert there(world) == {"token": "x"}
    assert world.api.names(SECRETS) == []


def test_another_keys_secret_is_never_touched(world, desired):
    world.plugin.create({**desired, "key": "report"})
    before = there(world)
    text = refusal(lambda: world.plugin.create(desired))
    assert "it holds the key pay/report of app/dev: it is not touched" in text
    assert there(world) == before


def test_a_key_that_is_not_kept_must_be_delivered(world):
    (failure,) = world.plugin.check({**WANTED, "retain": "none"}).failures
    assert (
        failure.reason == "retain: is retained nowhere and delivered nowhere; allowed: retain: none only beside deliver"
    )
    (failure,) = world.plugin.check({**DELIVERED, "retain": "nothing"}).failures
    assert failure.reason == "retain: 'nothing' is not a place to keep a token; allowed: state, none"


SIGNS_OF_A_WORKSPACE = [
    {"labels": {"ambient-code.io/managed": "true"}},
    {"annotations": {"ambient-components/owner": "app/other"}},
]
"""The platform's label, and our annotation alone, which a closed workspace keeps."""


@pytest.fixture(params=SIGNS_OF_A_WORKSPACE, ids=["open", "closed"])
def becomes_a_workspace(request, world):
    return lambda: world.api.change("/api/v1/namespaces/ci-system", {"metadata": request.param})


def test_a_secret_that_a_user_of_a_workspace_prepared_gets_no_key(world, desired, becomes_a_workspace):
    """With the annotations that we would write: their values are no secret."""
    notes = {"ambient-components/owner": "app/dev", "ambient-components/delivered-key": "pay/ci"}
    world.api.add(ELSEWHERE, "payments-key", annotations=notes, data={})
    becomes_a_workspace()
    assert "is a workspace: every session in it could read the key" in refusal(lambda: world.plugin.create(desired))
    assert there(world) == {}
    assert (mints(world), world.api.names(SECRETS)) == (0, [])


def test_a_namespace_that_becomes_a_workspace_gets_no_further_key(world, desired, becomes_a_workspace):
    _, state = world.plugin.create(desired)
    before = there(world)
    becomes_a_workspace()
    outputs = refreshed(world, desired, state)
    if desired is DELIVERED:
        assert "is a workspace: every session in it could read the key" in outputs["undelivered"]
        assert world.plugin.diff(desired, outputs, desired).changes == SOME
    else:
        assert "is a workspace: every session in it could read the key" in received(world, "warning")
    due(world)
    assert "is a workspace" in refusal(lambda: world.plugin.update(outputs, desired))
    assert (mints(world), there(world)) == (1, before)


def test_a_key_moves_out_of_a_namespace_that_became_a_workspace(world, desired, becomes_a_workspace):
    _, state = world.plugin.create(desired)
    token = there(world)["token"]
    becomes_a_workspace()
    world.api.add("/api/v1/namespaces", "other")
    moved = {**desired, "deliver": {"namespace": "other", "name": "n", "key": "token"}}
    world.plugin.update(state, moved)
    assert there(world, "/api/v1/namespaces/other/secrets/n") == {"token": token}
    assert TARGET not in world.api.objects


def test_a_namespace_that_is_not_there_is_told_before_anything_is_minted(world, desired):
    world.api.objects.pop("/api/v1/namespaces/ci-system")
    assert "there is no namespace 'ci-system' to deliver the key to" in refusal(lambda: world.plugin.create(desired))
    assert (mints(world), world.api.names(SECRETS)) == (0, [])


# It is lost.


def test_one_that_was_not_kept_is_minted_again_and_the_lost_one_ends_with_the_overlap(world):
    _, state = world.plugin.create(ONLY_THERE)
    world.api.objects[TARGET]["data"]["token"] = "eA=="
    outputs = refreshed(world, ONLY_THERE, state)
    assert outputs["undelivered"] == "Secret ci-system/payments-key holds another token"
    assert world.plugin.diff(ONLY_THERE, outputs, ONLY_THERE).changes == SOME
    after = world.plugin.update(outputs, ONLY_THERE)
    assert after["reason"] == "the token is lost: Secret ci-system/payments-key holds another token"
    assert there(world)["token"] == token_of(world, after["current"])
    assert after["retiring"] == [state["current"]]
    assert world.plugin.diff(ONLY_THERE, after, ONLY_THERE).changes == NONE


def test_a_manual_key_that_was_not_kept_is_lost_until_its_next_generation(world):
    manual = {**ONLY_THERE, "manual": True}
    _, state = world.plugin.create(manual)
    world.api.objects.pop(TARGET)
    after = world.plugin.update(refreshed(world, manual, state), manual)
    assert "only another generation has another token" in after["undelivered"]
    assert mints(world) == 1


# The delivery fails.


def test_a_kept_token_that_could_not_be_delivered_is_delivered_by_the_next_run(world):
    world.api.fail("POST", f"{ELSEWHERE}$", 500, "etcd is away")
    _, state = world.plugin.create(DELIVERED)
    assert "can't deliver the key to Secret ci-system/payments-key" in state["undelivered"]
    assert "the token is kept, and not delivered: can't deliver the key to" in received(world, "warning")
    assert world.plugin.diff(DELIVERED, state, DELIVERED).changes == SOME
    world.api.heal()
    after = world.plugin.update(state, DELIVERED)
    assert there(world) == {"token": token_of(world, state["current"])}
    assert (after["undelivered"], mints(world)) == (None, 1)


def test_one_that_is_not_kept_is_revoked_again_and_the_one_before_stays(world):
    _, state = world.plugin.create(ONLY_THERE)
    before = there(world)
    due(world)
    world.api.fail("PATCH", f"{TARGET}$", 500, "etcd is away")
    assert "can't deliver the key to" in refusal(lambda: world.plugin.update(state, ONLY_THERE))
    assert world.api.names(SECRETS) == [state["current"]["handle"]]
    assert there(world) == before


# The line in the file changes.


@pytest.mark.parametrize("declared", [DELIVERED, ONLY_THERE])
def test_another_key_of_the_same_secret_gets_the_token_and_the_secret_stays(world, declared):
    """Only the key in the Secret changes: the Secret is the one that its user reads, before and after."""
    _, state = world.plugin.create(declared)
    before = there(world)["token"]
    uid = world.api.objects[TARGET]["metadata"]["uid"]
    renamed = {**declared, "deliver": {**declared["deliver"], "key": "renamed"}}
    after = world.plugin.update(state, renamed)
    assert there(world) == {"renamed": before}
    assert world.api.objects[TARGET]["metadata"]["uid"] == uid
    assert (after["current"], after["undelivered"], mints(world)) == (state["current"], None, 1)
    back = world.plugin.update(after, declared)
    assert there(world) == {"token": before}
    assert back["undelivered"] is None


def test_from_then_on_it_is_kept_or_not(world):
    _, state = world.plugin.create(DELIVERED)
    only_there = world.plugin.update(state, ONLY_THERE)
    assert only_there["token"] is None
    kept = world.plugin.update(only_there, DELIVERED)
    assert kept["token"] == state["token"]
    assert mints(world) == 1


def test_a_secret_that_cant_be_deleted_keeps_no_key_alive(world, desired):
    _, state = world.plugin.create(desired)
    world.api.fail("DELETE", f"{TARGET}$", 500, "etcd is away")
    world.plugin.delete(state)
    assert world.api.names(SECRETS) == []
    assert "could not delete Secret ci-system/payments-key" in received(world, "warning")


# Another generation follows.


def test_the_next_generation_takes_the_secret_over_and_the_one_before_leaves_it(world, desired):
    _, old = world.plugin.create(desired)
    first = there(world)["token"]
    world.api.add("/api/v1/namespaces/pay/serviceaccounts", "ambient-key-ci-2", uid="uid-2")
    next_one = {**desired, "serviceAccount": "ambient-key-ci-2", "serviceAccountUid": "uid-2", "generation": 2.0}
    overlapping = {**next_one, "overlapping": True}
    former = world.plugin.update(old, {**desired, "former": True})
    _, new = world.plugin.create(overlapping)
    second = token_of(world, new["current"])
    assert there(world) == {"token": second, "previous-token": first}
    assert refreshed(world, {**desired, "former": True}, former)["undelivered"] is None
    # The overlap ends: the former identity goes, and the Secret is the new one's.
    after = world.plugin.update(new, next_one)
    world.plugin.delete(former)
    assert there(world) == {"token": second}
    assert after["undelivered"] is None


@pytest.mark.parametrize("is_unseen", [True, False])
def test_a_token_that_may_lie_in_the_secret_works_until_the_next_run(world, is_unseen):
    """The write's answer is lost, and then the Secret can't be read, or can."""
    _, state = world.plugin.create(ONLY_THERE)
    due(world)

    def applied_and_lost(request):
        assert world.api._patch(request).status == 200
        if is_unseen:
            world.api.fail("GET", f"{TARGET}$", 403)
        return Answer(504, status(504, "timeout"))

    world.api.rule("PATCH", f"{TARGET}$", applied_and_lost, times=1)
    if is_unseen:
        refusal(lambda: world.plugin.update(state, ONLY_THERE))
        world.api.heal()
    else:
        world.plugin.update(state, ONLY_THERE)
    lies_there = there(world)["token"]
    assert lies_there != token_of(world, state["current"])
    assert lies_there in [token_of(world, {"handle": name, "uid": uid}) for name, uid in secrets_of(world)]
    if is_unseen:
        after = world.plugin.update(state, ONLY_THERE)
        known = (after["current"], *after["retiring"])
        assert there(world)["token"] == token_of(world, after["current"])
        assert {name for name, _ in secrets_of(world)} == {one["handle"] for one in known}


def test_a_token_that_another_secret_kept_away_is_revoked(world):
    """A Secret of others appears after the look: the token is in none, so nothing of it stays."""

    def taken(request):
        others = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "payments-key", "uid": "theirs"}}
        world.api.objects[TARGET] = others
        return Answer(409, status(409, "already exists"))

    world.api.rule("POST", f"{ELSEWHERE}$", taken, times=1)
    assert "can't deliver the key" in refusal(lambda: world.plugin.create(ONLY_THERE))
    assert (mints(world), secrets_of(world)) == (1, [])


def secrets_of(world):
    """Name and uid of each token Secret."""
    secrets = [world.api.objects[f"{SECRETS}/{name}"]["metadata"] for name in world.api.names(SECRETS)]
    return [(one["name"], one["uid"]) for one in secrets]


# As a kubeconfig.


def with_kubeconfig(desired, **fields):
    return {**desired, "deliver": {**desired["deliver"], "kubeconfig": "value", **fields}}


def test_a_kubeconfig_has_the_token_and_nothing_of_the_deployer(world, desired):
    _, state = world.plugin.create(with_kubeconfig(desired))
    token = token_of(world, state["current"])
    text = there(world)["value"]
    assert there(world) == {"token": token, "value": text}
    assert json.loads(text) == {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "pay", "cluster": {"server": world.api.url}}],
        "users": [{"name": "pay", "user": {"token": token}}],
        "contexts": [{"name": "pay", "context": {"cluster": "pay", "user": "pay", "namespace": "pay"}}],
        "current-context": "pay",
    }
    assert text not in str(state)


def test_a_rotation_and_another_address_write_it_again(world, desired):
    before = with_kubeconfig(desired)
    _, state = world.plugin.create(before)
    due(world)
    state = world.plugin.update(state, before)
    assert token_of(world, state["current"]) in there(world)["value"]
    after = with_kubeconfig(desired, server="https://kubernetes.default.svc", authority="PEM")
    state = world.plugin.update(state, after)
    (cluster,) = json.loads(there(world)["value"])["clusters"]
    assert cluster["cluster"] == {"server": "https://kubernetes.default.svc", "certificate-authority-data": "UEVN"}
    world.plugin.update(state, desired)
    assert {*there(world)} == {"token", "previous-token"}


@pytest.mark.parametrize("change", ["all of it", "the server alone"])
def test_a_changed_kubeconfig_is_written_again(world, desired, change):
    desired = with_kubeconfig(desired)
    _, state = world.plugin.create(desired)
    before = there(world)
    text = "x" if change == "all of it" else before["value"].replace(world.api.url, "https://evil.example.com")
    world.api.objects[TARGET]["data"]["value"] = base64.b64encode(text.encode()).decode()
    outputs = refreshed(world, desired, state)
    assert outputs["undelivered"] == "Secret ci-system/payments-key holds no kubeconfig with it"
    assert outputs["deliveredAt"] is None
    after = world.plugin.update(outputs, desired)
    assert (there(world), mints(world), after["deliveredAt"] is None) == (before, 1, False)


def deployer_at(monkeypatch, address, trusted=None):
    monkeypatch.setattr("ambient_components.cluster.client.Cluster.endpoint", lambda _: (address, trusted))


def test_new_certificates_of_the_deployer_are_written(world, desired, monkeypatch):
    desired = with_kubeconfig(desired)
    _, state = world.plugin.create(desired)
    deployer_at(monkeypatch, world.api.url, "PEM")
    world.plugin.update(refreshed(world, desired, state), desired)
    (cluster,) = json.loads(there(world)["value"])["clusters"]
    assert (cluster["cluster"]["certificate-authority-data"], mints(world)) == ("UEVN", 1)


@pytest.mark.parametrize(
    "address", ["http://api.example.com", "https://me:word@api.example.com", "https://me:word@[::1]"]
)
def test_an_address_of_the_deployer_that_no_user_may_get_is_refused_before_anything_is_minted(
    world, desired, monkeypatch, address
):
    deployer_at(monkeypatch, address)
    text = refusal(lambda: world.plugin.create(with_kubeconfig(desired)))
    assert "the deployer's own one has no https:// address, or credentials in it" in text
    assert "word" not in text
    assert mints(world) == 0
    world.plugin.create(with_kubeconfig(desired, server="https://kubernetes.default.svc"))


@pytest.mark.parametrize(
    ("address", "warns"),
    [
        ("https://localhost:6443", True),
        ("https://[::1]:6443", True),
        ("https://api.example.com/k8s/c-1", False),
    ],
)
def test_an_address_of_the_deployers_machine_is_a_warning(world, desired, monkeypatch, address, warns):
    deployer_at(monkeypatch, address)
    world.plugin.create(with_kubeconfig(desired))
    assert ("works on the deployer's machine alone" in received(world, "warning")) is warns


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"kubeconfig": "token"}, "is the key of a token"),
        ({"kubeconfig": "previous-token"}, "is the key of a token"),
        ({"server": "https://x"}, "is of a kubeconfig, and there is none"),
        ({"kubeconfig": "value", "server": "http://x"}, "'http://x' is not the address of an API server"),
        ({"kubeconfig": "value", "server": "https://me:word@x"}, "is not the address of an API server"),
        ({"kubeconfig": "value", "authority": "PEM"}, "is no list of certificates"),
    ],
)
def test_what_makes_no_kubeconfig_is_refused(world, fields, problem):
    (failure,) = world.plugin.check({**DELIVERED, "deliver": {**DELIVERED["deliver"], **fields}}).failures
    assert problem in failure.reason
