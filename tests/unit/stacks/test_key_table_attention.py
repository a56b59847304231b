"""Rows of `ambient keys list` that need attention, and why."""

from datetime import timedelta
from typing import Any

import pytest

from ambient_components.stacks.deployed import DeployedKey
from ambient_components.stacks.key_table import Limits, Seen
from tests.support.key_rows import DAY, GONE, NOW, SECOND, SEEN, key, row


def attention(one: DeployedKey, seen: Any = SEEN, **limits: Any) -> tuple[str, ...]:
    return row(one, seen, Limits(**{"within": DAY, **limits})).attention


BEFORE_THE_RUN = "expires in 24 hours, before the next run"


class TestAttention:
    @pytest.mark.parametrize(
        "one",
        [
            key(),
            key(expires_at=NOW + DAY + SECOND),
            key(expires_at=None, never=True, manual=True),
            key(next_at=NOW - 2 * DAY),  # two runs may fail
            key(retiring=("h1",)),
            key(former=True, until="2026-12-31"),
            key(former=True, expires_at=NOW),  # its successor has taken its place
            key(former=True, expires_at=NOW + SECOND),
            key(former=True, undelivered="x"),
            key(manual=True, expires_at=NOW + 14 * DAY + SECOND, issued_at=NOW - 76 * DAY),
        ],
    )
    def test_all_is_well(self, one: DeployedKey) -> None:
        assert attention(one) == ()

    @pytest.mark.parametrize(
        ("one", "reported"),
        [
            (key(declared=False), ["not declared any more, and still there: ambient up"]),
            (key(declared=False, made=False), ["not declared any more, and still there: ambient up"]),
            (key(made=False, expires_at=None), ["declared, and not made: ambient up"]),
            (key(account="other"), [GONE]),
            (key(account="other", dead="its ServiceAccount was deleted"), [
                GONE,
                "the token no longer works: its ServiceAccount was deleted",
            ]),
            (key(dead="it was revoked", expires_at=NOW - DAY), ["the token no longer works: it was revoked"]),
            (key(former=True, dead="it was revoked"), ["the token no longer works: it was revoked"]),
            (key(expires_at=NOW), ["expired on 2026-11-25 12:00 UTC"]),
            (key(expires_at=NOW - DAY, manual=True), ["expired on 2026-11-24 12:00 UTC"]),
            (key(expires_at=NOW + DAY), [BEFORE_THE_RUN]),
            (key(expires_at=NOW + SECOND), ["expires in 0 min, before the next run"]),
            (key(expires_at=NOW + DAY, manual=True), [BEFORE_THE_RUN]),
            (
                key(manual=True, expires_at=NOW + 14 * DAY, issued_at=NOW - 76 * DAY),
                ["expires in 14 days, and is not renewed: ambient keys rotate"],
            ),
            (
                # A quarter of a life of 8 days.
                key(manual=True, expires_at=NOW + 2 * DAY, issued_at=NOW - 6 * DAY),
                ["expires in 2 days, and is not renewed: ambient keys rotate"],
            ),
            (
                # Of a life that nobody noted: 14 days.
                key(manual=True, expires_at=NOW + 14 * DAY, issued_at=None),
                ["expires in 14 days, and is not renewed: ambient keys rotate"],
            ),
            (
                key(next_at=NOW - 2 * DAY - SECOND),
                ["due for renewal since 2026-11-23 11:59 UTC: do the runs come?"],
            ),
            (key(pending=("h1", "h2")), ["not revoked yet, still valid: h1, h2"]),
            (key(former=True, pending=("h1",)), ["not revoked yet, still valid: h1"]),
            (key(undelivered="Secret ops/x is gone"), ["not delivered: Secret ops/x is gone"]),
            (
                key(declared=False, dead="gone", pending=("h1",), undelivered="no namespace", account=""),
                [
                    "not declared any more, and still there: ambient up",
                    GONE,
                    "the token no longer works: gone",
                    "not revoked yet, still valid: h1",
                    "not delivered: no namespace",
                ],
            ),
        ],
    )  # fmt: skip
    def test_each_rule(self, one: DeployedKey, reported: list[str]) -> None:
        assert list(attention(one)) == reported

    def test_a_manual_key_of_a_short_life_has_its_own_notice(self) -> None:
        one = key(manual=True, expires_at=NOW + 2 * DAY + SECOND, issued_at=NOW - 6 * DAY)
        assert attention(one) == ()

    def test_a_key_whose_runs_do_not_come_is_told_of_once(self) -> None:
        one = key(next_at=NOW - 50 * DAY, expires_at=NOW + DAY)
        assert attention(one) == (BEFORE_THE_RUN,)

    @pytest.mark.parametrize("following", ["revoke", "expire", None])
    def test_only_a_renewal_that_is_late_counts(self, following: str | None) -> None:
        assert attention(key(next_action=following, next_at=NOW - 50 * DAY)) == ()

    @pytest.mark.parametrize(("within", "reported"), [(DAY, 0), (60 * DAY - SECOND, 0), (60 * DAY, 1), (365 * DAY, 1)])
    def test_time_to_the_next_run(self, within: timedelta, reported: int) -> None:
        assert len(attention(key(), within=within)) == reported

    def test_a_cluster_that_was_not_asked_says_nothing(self) -> None:
        assert attention(key(account="other"), None, idle=DAY) == ()

    def test_a_key_that_is_not_made_has_no_account_to_miss(self) -> None:
        assert attention(key(made=False, expires_at=None), {}) == ("declared, and not made: ambient up",)

    @pytest.mark.parametrize(
        ("seen", "idle", "reported"),
        [
            ((NOW - 90 * DAY, None), None, ()),
            ((NOW - 90 * DAY, None), 90 * DAY, ("no use seen since it was made 90 days ago",)),
            ((NOW - 90 * DAY + SECOND, None), 90 * DAY, ()),
            ((NOW - 900 * DAY, NOW - 90 * DAY), 90 * DAY, ("no use seen for 90 days",)),
            ((NOW - 900 * DAY, NOW - 90 * DAY + SECOND), 90 * DAY, ()),
            ((NOW - 900 * DAY, NOW + DAY), 90 * DAY, ()),  # clocks differ
            ((NOW + DAY, None), SECOND, ()),
        ],
    )
    def test_use(self, seen: Seen, idle: timedelta | None, reported: tuple[str, ...]) -> None:
        assert attention(key(), {("payments", "ambient-key-ci-0"): seen}, idle=idle) == reported

    def test_nobody_has_to_use_a_former_one(self) -> None:
        unused = {("payments", "ambient-key-ci-0"): (NOW - 90 * DAY, None)}
        assert attention(key(former=True), unused, idle=DAY) == ()
