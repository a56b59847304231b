"""The guardrail of access without a review: refused is what is new, or lost its day."""

import pytest

from ambient_components.model.derive import read
from ambient_components.model.guardrails import GuardrailsRecord
from tests.support.guardrails import entry, guardrails_of, key

BOB = {"user:bob": "edit"}
BOSS = ["group:leads"]
RULES = read(GuardrailsRecord, "ledger", {"unreviewedAccess": "refuse", "reviews": {"editSeconds": 30 * 86400}})


def reviewed(day, **rest):
    return entry(grants=BOB, reviews={"user:bob": {"reviewBy": day}}, **rest)


@pytest.mark.parametrize(
    ("before", "after", "is_refused"),
    [
        (entry(), entry(grants=BOB), True),
        (entry(), reviewed("2026-12-20"), False),
        (entry(), reviewed("2026-12-27"), True),  # a review of edit holds 30 days
        (entry(grants=BOB), entry(grants=BOB), False),
        (entry(grants=BOB), entry(grants={"user:bob": "admin"}), True),
        (entry(BOSS, grants={"user:bob": "admin"}), entry(BOSS, grants=BOB), False),
        (reviewed("2026-12-20"), entry(grants=BOB), True),
        (reviewed("2026-11-01"), reviewed("2026-11-01"), False),
        (reviewed("2026-11-01"), reviewed("2099-01-01"), True),
        (entry(), entry(["user:bob"]), False),
        (entry(), entry(keys={"ci": key()}), True),
        (entry(), entry(keys={"ci": key()}, reviews={"key:ci": {"reviewBy": "2026-12-20"}}), False),
    ],
)
def test_new_access_needs_a_review_within_the_time_of_its_role(before, after, is_refused):
    assert guardrails_of({"pay": before}, {"pay": after}, RULES) == ["unreviewedAccess"] * is_refused
    assert guardrails_of({"pay": before}, {"pay": after}) == []
