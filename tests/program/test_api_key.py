from datetime import timedelta

import pulumi
import pytest

from ambient_components import ApiKey
from ambient_components.platform.naming import key_suffix
from tests.support.registrations import UNKNOWN, Secret

TRIO = ("ServiceAccount", "RoleBinding", "AccessToken")


def key(record, surroundings=None, **args):
    def program():
        made = ApiKey("payments/key/ci", **{"namespace": "payments", "id": "ci", "owner": "project/fleet", **args})
        pulumi.export("key", made.token)

    return record(program, **(surroundings or {}))


def test_defaults_are_the_platforms(record):
    recording = key(record)
    annotations = recording.named("ServiceAccount", "payments/key/ci/g1").metadata["annotations"]
    assert annotations["ambient-code.io/role"] == "edit"
    assert annotations["ambient-code.io/key-name"] == "ci"
    assert annotations["ambient-code.io/description"] == ""


def test_the_times_of_a_key_reach_its_token(record):
    token = key(record, lifetime="10m", rotate_before=timedelta(seconds=60), overlap="0").of("AccessToken")[0]
    times = {name: token.inputs.get(name) for name in ("lifetimeSeconds", "rotateBeforeSeconds", "overlapSeconds")}
    assert times == {"lifetimeSeconds": 600, "rotateBeforeSeconds": 60, "overlapSeconds": 0}


def test_an_account_is_adopted_by_its_name_alone(record):
    first, second = (f"ambient-key-ci-{key_suffix('payments', 'ci', generation)}" for generation in (1, 2))
    adopted = key(record, adopt=[first])
    assert [adopted.of(kind)[0].inputs.get("adopt") for kind in ("ServiceAccount", "AccessToken")] == [True, True]
    # The name that is left in the file after a rotation opens nothing for the next identity.
    later = key(record, adopt=[first], generation=2)
    assert second == later.of("ServiceAccount")[0].object_name
    assert [later.of(kind)[0].inputs.get("adopt") for kind in ("ServiceAccount", "AccessToken")] == [None, None]


@pytest.mark.parametrize("generation", [2, 3, 5])
@pytest.mark.parametrize("kind", TRIO)
def test_a_generation_takes_the_place_of_all_before_it(record, kind, generation):
    former = {key(record, generation=lower).of(kind)[0].urn for lower in range(1, generation)}
    now = key(record, generation=generation).named(kind, f"payments/key/ci/g{generation}")
    # The other two are made beside the old ones: docs/internals/adr/0005.
    assert now.former_names == (former if kind == "AccessToken" else set())
    assert not now.delete_before_replace


def test_a_generation_is_a_new_identity(record):
    first, second = key(record), key(record, generation=2)
    for kind in ("ServiceAccount", "RoleBinding"):
        assert first.of(kind)[0].object_name != second.of(kind)[0].object_name
    assert first.of("AccessToken")[0].inputs["serviceAccount"] != second.of("AccessToken")[0].inputs["serviceAccount"]


def test_a_new_role_keeps_the_identity_and_its_token(record):
    view, admin = key(record, role="view"), key(record, role="admin")
    assert view.registrations.keys() == admin.registrations.keys()
    assert view.of("AccessToken")[0].inputs == admin.of("AccessToken")[0].inputs
    assert view.of("ServiceAccount")[0].object_name == admin.of("ServiceAccount")[0].object_name
    assert view.of("RoleBinding")[0].object_name != admin.of("RoleBinding")[0].object_name


def test_the_token_is_secret_everywhere(record):
    recording = key(record)
    assert recording.exports == {"key": Secret("token-of-payments/key/ci/g1")}
    assert set(recording.of("AccessToken")[0].additional_secret_outputs) == {"token"}
    assert "token-of-" not in recording.plain_text()


def test_a_preview_knows_no_token(record):
    recording = key(record, {"preview": True})
    assert recording.exports == {"key": Secret(UNKNOWN)}


def test_a_key_says_that_it_is_complete(record):
    recording = key(record, role="view")
    component = recording.named("ApiKey", "payments/key/ci")
    assert recording.outputs[component.urn] == {
        "serviceAccount": f"ambient-key-ci-{key_suffix('payments', 'ci', 1)}",
        "role": "view",
    }


def test_nothing_of_a_key_outlives_its_entry(record):
    recording = key(record, generation=2)
    assert [item.urn for item in recording if item.protect or item.retain_on_delete or item.deleted_with] == []


@pytest.mark.parametrize("released", [True, False])
def test_a_key_is_retained_as_a_whole_and_only_where_it_is_released(record, released):
    recording = key(record, released=released)
    assert {kind: recording.named(kind, "payments/key/ci/g1").retain_on_delete for kind in TRIO} == dict.fromkeys(
        TRIO, released
    )
    token = recording.named("AccessToken", "payments/key/ci/g1").inputs
    assert token.get("released") == (True if released else None)


def test_ids_that_differ_never_meet_in_one_name(record):
    def program():
        for key_id in ("ci", "ci-2", "c-i"):
            ApiKey(f"payments/key/{key_id}", namespace="payments", id=key_id, owner="p/f")

    recording = record(program)
    names = [item.object_name for kind in TRIO[:2] for item in recording.of(kind)]
    assert len(set(names)) == len(names) == 6


# Two identities.


def test_the_identity_of_the_generation_before_lives_on_under_its_own_name(record):
    recording = key(record, generation=3, overlap_until="2026-12-31", role="view")
    assert {item.name for item in recording.of("AccessToken")} == {"payments/key/ci/g2", "payments/key/ci/g3"}
    for kind in TRIO:
        # What lives on has its own place in the state; only what ended before is the newer one's past.
        former, newer = (recording.named(kind, f"payments/key/ci/g{generation}") for generation in (2, 3))
        assert [alias for alias in newer.aliases if "g2" in str(alias)] == []
        for one in (newer, former):
            assert any("g1" in str(alias) for alias in one.aliases) == (kind == "AccessToken")
    former, newer = (recording.named("AccessToken", f"payments/key/ci/g{generation}").inputs for generation in (2, 3))
    assert (former.get("former"), former.get("overlapping")) == (True, None)
    assert (newer.get("former"), newer.get("overlapping")) == (None, True)
    assert former["serviceAccount"] == f"ambient-key-ci-{key_suffix('payments', 'ci', 2)}"
    assert newer["serviceAccount"] == f"ambient-key-ci-{key_suffix('payments', 'ci', 3)}"
    assert recording.exports == {"key": Secret("token-of-payments/key/ci/g3")}


@pytest.mark.parametrize(
    "args", [{"generation": 1}, {"generation": 2}, {"generation": 2, "overlap_until": "2026-11-24"}]
)
def test_without_a_generation_before_there_is_one_identity(record, args):
    recording = key(record, **args)
    assert len(recording.of("AccessToken")) == 1
    assert not {"former", "overlapping"} & recording.of("AccessToken")[0].inputs.keys()


@pytest.mark.parametrize(
    ("args", "requested"),
    [
        ({"lifetime": "never"}, {"never": True}),
        ({"lifetime": "never", "static": True, "rotate": "auto"}, {"never": True, "static": True, "manual": False}),
        ({"rotate": "manual"}, {"lifetimeSeconds": 7_776_000, "manual": True}),
        (
            {"rotate_before": "10m", "overlap": "0", "run_every": "1m"},
            {"lifetimeSeconds": 7_776_000, "rotateBeforeSeconds": 600, "overlapSeconds": 0, "runEverySeconds": 60},
        ),
        (
            {"deliver": {"secret": {"namespace": "ci", "name": "s", "key": "k"}}, "retain": "none"},
            {"lifetimeSeconds": 7_776_000, "deliver": {"namespace": "ci", "name": "s", "key": "k"}, "retain": "none"},
        ),
    ],
    ids=str,
)
def test_what_is_asked_of_the_tokens(record, args, requested):
    given = key(record, **args).of("AccessToken")[0].inputs
    identity = {"namespace", "serviceAccount", "serviceAccountUid", "key", "owner", "generation"}
    assert {name: value for name, value in given.items() if name not in identity} == requested


NIGHTLY = "ambient-key-nightly-build-3f2a91bc"


def test_a_key_that_the_platform_made_keeps_its_names_and_gets_no_token(record):
    recording = key(record, name="Nightly build", service_account=NIGHTLY, lifetime="10m")
    account = recording.named("ServiceAccount", "payments/key/ci/g1").inputs
    assert account == {
        "metadata": {
            "name": NIGHTLY,
            "namespace": "payments",
            "labels": {"app": "ambient-access-key"},
            "annotations": {
                "ambient-code.io/key-name": "Nightly build",
                "ambient-code.io/description": "",
                "ambient-code.io/role": "edit",
            },
        },
        "ofPlatform": True,
    }
    binding = recording.named("RoleBinding", "payments/key/ci/g1").inputs
    assert binding["metadata"]["name"] == "ambient-key-edit-nightly-build-3f2a91bc"
    assert binding["metadata"]["annotations"]["ambient-code.io/sa-name"] == NIGHTLY
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": NIGHTLY, "namespace": "payments"}]
    assert recording.of("AccessToken") == []


def test_its_first_rotation_is_an_identity_of_ours(record):
    recording = key(record, service_account=NIGHTLY, generation=2)
    (account,) = recording.of("ServiceAccount")
    assert account.object_name == f"ambient-key-ci-{key_suffix('payments', 'ci', 2)}"
    assert "ofPlatform" not in account.inputs
    assert len(recording.of("AccessToken")) == 1


def test_the_platforms_identity_stays_beside_the_next_one_without_a_token(record):
    recording = key(record, service_account=NIGHTLY, generation=2, overlap_until="2026-12-31")
    names = [one.object_name for one in recording.of("ServiceAccount")]
    assert names == [NIGHTLY, f"ambient-key-ci-{key_suffix('payments', 'ci', 2)}"]
    (token,) = recording.of("AccessToken")
    # There is no earlier token of ours, of which the delivery would have to keep anything.
    assert not {"former", "overlapping"} & token.inputs.keys()
    third = key(record, service_account=NIGHTLY, generation=3, overlap_until="2026-12-31")
    assert [one.inputs.get("ofPlatform") for one in third.of("ServiceAccount")] == [None, None]
    assert len(third.of("AccessToken")) == 2


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"service_account": "default"}, "service_account: 'default' is no ServiceAccount of a key that the platform"),
        ({"service_account": 3}, "service_account: is a number; allowed: text"),
        ({"service_account": f"ambient-key-ci-{key_suffix('payments', 'ci', 1)}"}, "write adopt: "),
        ({"service_account": NIGHTLY, "static": True, "lifetime": "never"}, "static: has no effect on generation 1"),
        (
            {"service_account": NIGHTLY, "deliver": {"secret": {"namespace": "a", "name": "b"}}},
            "deliver: has no effect on generation 1",
        ),
        ({"service_account": NIGHTLY, "adopt": [NIGHTLY]}, "adopt: has no effect on generation 1"),
    ],
)
def test_what_means_nothing_to_a_key_of_the_platform_is_refused(record, args, problem):
    with pytest.raises(ValueError, match="payments/key/ci") as error:
        key(record, **args)
    assert problem in str(error.value)
    if "static" in args:
        key(record, generation=2, **args)


def acts_for(recording, generation):
    metadata = recording.named("ServiceAccount", f"payments/key/ci/g{generation}").inputs["metadata"]
    return metadata["annotations"].get("ambient-code.io/created-by-user-id")


def test_a_key_acts_for_a_user_where_that_is_declared(record):
    assert acts_for(key(record, acts_as="ci-robot"), 1) == "ci-robot"


def test_the_platforms_own_account_keeps_the_user_that_the_platform_named(record):
    account = "ambient-key-nightly-build-3f2a91bc"
    recording = key(record, acts_as="ci-robot", service_account=account, generation=2, overlap_until="2026-12-31")
    assert (acts_for(recording, 1), acts_for(recording, 2)) == (None, "ci-robot")


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"acts_as": "alice@example.com"}, "'alice@example.com' can't be a user id of the platform"),
        ({"acts_as": 7}, "acts_as: is a number; allowed: text"),
        (
            {"acts_as": "alice", "service_account": "ambient-key-nightly-build-3f2a91bc"},
            "has no effect on generation 1: the platform named its user, who stays",
        ),
    ],
)
def test_whom_a_key_can_not_act_for(record, args, problem):
    with pytest.raises(ValueError, match="payments/key/ci") as caught:
        key(record, **args)
    assert problem in str(caught.value)


def test_all_problems_are_one_error_with_the_paths_of_the_arguments(record):
    def program():
        ApiKey("ci", id="CI Key", lifetme="30d", role="viewer", rotate_before=30, deliver={"secret": {"name": "a"}})

    with pytest.raises(ValueError, match="key 'ci'") as caught:
        record(program)
    assert [line.split(";")[0] for line in str(caught.value).splitlines()] == [
        "key 'ci': role: 'viewer' is not a role",
        "key 'ci': rotate_before: 30 has no unit",
        "key 'ci': deliver.secret.namespace: is missing",
        "key 'ci': namespace: is missing",
        "key 'ci': id: 'CI Key' can't be a key's id",
        "key 'ci': lifetme: 'lifetme' is not a field",
    ]


def test_the_owner_is_by_default_that_of_the_program(record):
    recording = record(lambda: ApiKey("ci", namespace="payments", id="ci"))
    assert recording.named("AccessToken", "ci/g1").inputs["owner"] == recording.named("ApiKey", "ci").inputs["owner"]
    assert recording.named("ApiKey", "ci").inputs["owner"] == "ambient-components/dev"


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (
            {"owner": "user:alice@example.com"},
            "'user:alice@example.com' is not the owner of a workspace; allowed",
        ),
        (
            {"owner": "acme/payments/prod"},
            "'acme/payments/prod' is not the owner of a workspace",
        ),
        ({"namespace": pulumi.ResourceOptions()}, "namespace: is an object of ResourceOptions; allowed: text"),
        ({"role": "admin", "lifetime": "never"}, "lifetime: is a key of role admin that never expires"),
        ({"run_every": "15d"}, "a renewal window of 14d is too short: runs come every 15d"),
        ({"retain": "none"}, "retain: is retained nowhere and delivered nowhere"),
        ({"deliver": {"secret": {"namespace": "payments", "name": "a"}}}, "deliver.secret.namespace: is the workspace"),
        ({"static": True}, "is static, and its lifetime has an end"),
        ({"role": pulumi.Output.from_input("view")}, "role: is an Output, and this value decides names or structure"),
        ({"role": "edti", "generation": 0}, "generation: 0 is too low; allowed: whole numbers from 1"),
    ],
)
def test_what_does_not_fit_together_is_refused(record, args, problem):
    with pytest.raises(ValueError, match="payments/key/ci") as caught:
        key(record, **args)
    assert problem in str(caught.value)


def test_names_and_descriptions_may_be_outputs(record):
    def program():
        later = pulumi.Output.from_input("Deploys on merge")
        ApiKey("ci", namespace="payments", id="ci", owner="p/f", name=later, description=later)

    annotations = record(program).named("ServiceAccount", "ci/g1").metadata["annotations"]
    assert annotations["ambient-code.io/description"] == annotations["ambient-code.io/key-name"] == "Deploys on merge"
