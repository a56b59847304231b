"""What only the whole of a fleet shows, and the mark by which a shard knows that it was judged."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.access.fleet_guardrails import APPROVED_VARIABLE
from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.provider.ledger.access_ledger import AccessLedger
from ambient_components.rules.guardrail_names import Guardrail
from ambient_components.rules.refusals import Rule
from tests.support.ledgers import fleet_refusals, refusals, removals_digest, removed, with_approved
from tests.support.plans import LEDGERS, entry, key

PLAIN = GuardrailsRecord.model_construct()


def texts(before: Any, after: Any, settings: GuardrailsRecord = PLAIN) -> list[str]:
    return [refusal.text for refusal in fleet_refusals("prod", before, after, settings)]


def shards(count: int, each: int, gone: int = 0) -> dict[str, dict[str, Any]]:
    closed = entry(state="closed")
    return {f"prod-{number:02d}": {f"w{number}-{one}": closed for one in range(gone, each)} for number in range(count)}


def test_removals_are_counted_over_all_shards() -> None:
    # Three of each shard, which each shard alone may lose: of the fleet 30 of 50 are too many.
    assert refusals(shards(1, 5)["prod-00"], shards(1, 5, gone=3)["prod-00"]) == []
    assert "30 of the 50 workspaces of this fleet leave" in texts(shards(10, 5), shards(10, 5, gone=3))[0]
    assert (
        texts(
            shards(10, 5), shards(10, 5, gone=3), GuardrailsRecord.model_construct(exceptions=[Guardrail.MASS_REMOVAL])
        )
        == []
    )
    # And a shard may lose more than its share, where the fleet does not.
    before = shards(10, 5)
    after = {**before, "prod-00": {}}
    assert texts(before, after) == []
    assert refusals(before["prod-00"], after["prod-00"]) != []


def test_a_bucket_of_two_shards() -> None:
    def own(name: str) -> dict[str, Any]:
        return {name: entry(bucket={"name": "b", "driver": "s3", "generation": 1})}

    assert (
        "bucket 'b' is the bucket of workspace 'lab' as well"
        in texts({}, {"prod-00": own("lab"), "prod-01": own("pay")})[0]
    )
    # Within one shard its own check says it.
    assert texts({}, {"prod-00": own("lab") | own("pay")}) == []


def test_a_workspace_that_another_shard_has() -> None:
    before = {"prod-00": {"lab": entry(), "pay": entry()}, "prod-01": {}}
    after = {"prod-00": {}, "prod-01": {"lab": entry(), "pay": entry()}}
    (refusal,) = fleet_refusals("prod", before, after, PLAIN)
    assert refusal.rule == Rule.OTHER_SHARD
    assert (
        "2 workspaces are deployed by another shard than they belong to (lab: prod-00 -> prod-01, pay:" in refusal.text
    )
    # Of shards that are not asked, their homes are known all the same.
    (refusal,) = fleet_refusals(
        "prod",
        {"prod-00": before["prod-00"]},
        {"prod-00": {"lab": entry()}},
        PLAIN,
        None,
        {"lab": "prod-00", "pay": "prod-01"},
    )
    assert (refusal.workspaces, refusal.rule) == (("pay",), Rule.OTHER_SHARD)


@given(LEDGERS, LEDGERS, LEDGERS)
def test_a_mark_is_good_for_exactly_what_leaves(before: Any, after: Any, other: Any) -> None:
    mark = removals_digest(before, after)
    assert bool(mark) is any(removed(before, after).values())
    assert (Guardrail.MASS_REMOVAL in with_approved(PLAIN, mark, before, after).exceptions) is bool(mark)
    if removed(before, other) != removed(before, after):
        assert with_approved(PLAIN, mark, before, other) == PLAIN


@given(st.sampled_from([None, "", "x"]))
def test_nothing_and_anything_else_is_no_mark(mark: str | None) -> None:
    assert with_approved(PLAIN, mark, {"pay": entry(keys={"ci": key()})}, {"pay": entry()}) == PLAIN


@dataclass(frozen=True)
class Context:
    preview: bool = True
    urn: str = "urn:pulumi:prod-00::p::ambient:index:AccessLedger::access"
    acknowledged: object = None

    def warn(self, *_: object) -> None:
        pass


def test_the_ledgers_check_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ambient_components.provider.ledger.access_ledger.preflight", lambda *_, **__: [])
    before, after = shards(1, 5)["prod-00"], {}
    olds, news = ({"owner": "p/prod", "workspaces": ledger} for ledger in (before, after))

    def failures() -> tuple[str, ...]:
        return tuple(map(str, AccessLedger().check(Context(), olds, news).failures))  # type: ignore[arg-type]

    assert "5 of the 5 workspaces of this stack leave" in failures()[0]
    monkeypatch.setenv(APPROVED_VARIABLE, removals_digest(before, after))
    assert failures() == ()
    monkeypatch.setenv(APPROVED_VARIABLE, removals_digest(before, {"w0-0": before["w0-0"]}))
    assert failures() != ()
