"""What a state records of keys, and what a plan must do to end them."""

from typing import Any

import pytest

from ambient_components.cli.edits.pending import lacking_keys
from ambient_components.cli.keys.edit import NOT_DEPLOYED
from ambient_components.cli.keys.now import recorded
from ambient_components.engine.steps import Step
from ambient_components.model.keys import DeliverySecret, KeyRecord
from ambient_components.platform.naming import key_account
from ambient_components.stacks.deployed import Identity
from ambient_components.stacks.reading import ACCOUNT, TOKEN, identities
from tests.support.keys_now import W, identity, step, token_of

KEY = (W, "ci")


def export(*resources: dict[str, Any], pending: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    operations = [{"type": "creating", "resource": one} for one in pending]
    return {"deployment": {"resources": [*resources], "pending_operations": operations}}


class TestIdentities:
    @pytest.mark.parametrize("ours", [False, True])
    def test_what_can_prove_an_end(self, *, ours: bool) -> None:
        target = {"namespace": "ops", "name": "s", "key": "token"}
        (proof,) = identities(export(*identity("ci", 2, ours=ours, deliver=target), *identity("other", 1)), [KEY])
        account = key_account(W, "ci", 2)
        assert proof == Identity(
            W,
            "ci",
            2,
            account,
            frozenset({"ServiceAccount", "RoleBinding", "AccessToken"}),
            frozenset({"uid-ci-2"}),
            frozenset({(f"{account}-x", "secret-ci-2")}),
            frozenset({token_of("ci", 2)}),
            frozenset({DeliverySecret(namespace="ops", name="s", key="token")}),
        )
        assert (proof.account, proof.username) == (account, f"system:serviceaccount:{W}:{account}")
        assert "hunter2" not in repr(proof)

    def test_what_a_replacement_left_is_of_the_generation_before(self) -> None:
        left = [{**one, "delete": True} for one in identity("ci", 1)]
        for one in left:
            one["urn"] = one["urn"].replace("/g1", "/g2")
        proofs = identities(export(*identity("ci", 2), left[0], left[2]), [KEY])
        assert [(one.generation, sorted(one.uids)) for one in proofs] == [(1, ["uid-ci-1"]), (2, ["uid-ci-2"])]
        assert proofs[0].tokens == {token_of("ci", 1)}

    def test_what_a_killed_run_was_at(self) -> None:
        account = identity("ci", 2)[0]
        generations = recorded(export(*identity("ci", 1), pending=(account,)), [KEY])
        assert generations == {KEY: (2, 0)}

    @pytest.mark.parametrize("state", [{}, {"deployment": None}, export(), export(*identity("ci-2", 1))])
    def test_none(self, state: dict[str, Any]) -> None:
        assert identities(state, [KEY]) == ()
        assert recorded(state, [KEY]) == {KEY: NOT_DEPLOYED}

    @pytest.mark.parametrize(
        "token",
        [
            None,
            {"4dabf18193072939515e22adb298388d": "x", "ciphertext": "v1:hunter2"},
            {"4dabf18193072939515e22adb298388d": "x", "plaintext": "no json"},
            {"4dabf18193072939515e22adb298388d": "x", "plaintext": "null"},
        ],
    )
    def test_a_token_that_is_not_shown(self, token: Any) -> None:
        parts = identity("ci", 1)
        parts[2]["outputs"]["token"] = token
        (proof,) = identities(export(*parts), [KEY])
        assert proof.tokens == frozenset()


NAME = f"{W}/key/ci"


def planned(op: str, name: str, kind: str) -> Step:
    return Step.of_preview(step(op, kind, name))


NEW = planned("replace", f"{NAME}/g2", TOKEN)
END = planned("delete", f"{NAME}/g1", ACCOUNT)
ALL = frozenset({ACCOUNT, "RoleBinding", TOKEN})
ROTATED = KeyRecord(generation=2)
OVERLAPPING = KeyRecord(generation=2, overlapping=1)
REVOKED = KeyRecord(generation=1)


class TestLacks:
    @pytest.mark.parametrize(
        ("steps", "key", "kinds", "missing"),
        [
            ([NEW, END], ROTATED, ALL, []),
            ([planned("create", f"{NAME}/g2", TOKEN), END], ROTATED, ALL, []),
            ([planned("update", f"{NAME}/g2", TOKEN), END], ROTATED, ALL, ["no token of generation 2 is made"]),
            ([planned("create", f"{NAME}/g3", TOKEN), END], ROTATED, ALL, ["no token of generation 2 is made"]),
            ([planned("create", f"{NAME}/g2", ACCOUNT), END], ROTATED, ALL, ["no token of generation 2 is made"]),
            ([NEW], ROTATED, ALL, ["generation 1 is not deleted"]),
            ([NEW, planned("update", f"{NAME}/g1", ACCOUNT)], ROTATED, ALL, ["generation 1 is not deleted"]),
            ([NEW], ROTATED, {TOKEN}, []),
            ([planned("create", f"{NAME}/g2", TOKEN)], ROTATED, {TOKEN}, ["generation 1 is not deleted"]),
            ([NEW], ROTATED, {"RoleBinding"}, []),
            ([NEW], ROTATED, frozenset(), []),
            ([NEW], OVERLAPPING, ALL, []),
            ([], ROTATED, ALL, ["no token of generation 2 is made", "generation 1 is not deleted"]),
            ([END], REVOKED, ALL, []),
            ([], REVOKED, ALL, ["generation 1 is not deleted"]),
            ([planned("delete", f"{NAME}/g1", TOKEN)], REVOKED, ALL, ["generation 1 is not deleted"]),
            ([planned("delete", f"{NAME}/g1", TOKEN)], REVOKED, {TOKEN}, []),
        ],
    )
    def test_of_one_key(self, steps: list[Step], key: KeyRecord, kinds: frozenset[str], missing: list[str]) -> None:
        there = [Identity(W, "ci", 1, "", frozenset(kinds)), Identity(W, "other", 1, "", ALL)]
        revoked = key.generation == 1
        assert [*lacking_keys(steps, {KEY: key}, there, revoked=revoked)] == [f"{W}/ci: {line}" for line in missing]


class TestKeysOfThePlatform:
    ACCOUNT = "ambient-key-nightly-build-3f2a91bc"

    def test_its_account_has_its_own_name_also_without_an_entry(self) -> None:
        account, binding, _ = identity("ci", 1)
        account["inputs"] = {"metadata": {"name": self.ACCOUNT}, "ofPlatform": True}
        (proof,) = identities(export(account, binding), [KEY])
        assert (proof.generation, proof.account, proof.tokens) == (1, self.ACCOUNT, frozenset())
        assert proof.username == f"system:serviceaccount:{W}:{self.ACCOUNT}"
        assert recorded(export(account, binding), [KEY])[KEY] == (1, 0)
