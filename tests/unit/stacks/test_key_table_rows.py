"""Rows of `ambient keys list`: what each says, and what was seen of its key."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ambient_components.cli.keys.list import columns
from ambient_components.stacks.deployed import Deployed, DeployedKey, DeployedWorkspace
from ambient_components.stacks.key_table import NEVER_USED, rows, seen_in
from tests.support.key_rows import DAILY, DAY, NOW, SECOND, SECRET, SEEN, key, row, summary


class TestSeen:
    def account(self, annotations: Any = None, name: str = "a", **metadata: Any) -> dict[str, Any]:
        made = {"namespace": "w", "name": name, "creationTimestamp": "2026-11-01T00:00:00Z", **metadata}
        return {"metadata": made | ({} if annotations is None else {"annotations": annotations})}

    def test_what_the_backend_notes(self) -> None:
        used = self.account({"ambient-code.io/last-used-at": "2026-11-25T09:08:07Z"}, "used")
        seen = seen_in([used, self.account({}, "unused"), self.account(None, "bare")])
        made = datetime(2026, 11, 1, tzinfo=UTC)
        assert seen == {
            ("w", "used"): (made, datetime(2026, 11, 25, 9, 8, 7, tzinfo=UTC)),
            ("w", "unused"): (made, None),
            ("w", "bare"): (made, None),
        }

    @pytest.mark.parametrize(
        "text",
        ["", "yesterday", "2026-11-25", "2026-11-25T09:08:07", "1795602160", "0001-01-01T00:00:00+14:00", "\n", SECRET],
    )
    def test_an_annotation_that_somebody_broke_is_no_use(self, text: str) -> None:
        (seen,) = seen_in([self.account({"ambient-code.io/last-used-at": text})]).values()
        assert seen[1] is None

    def test_other_zones_and_fractions(self) -> None:
        noted = {"ambient-code.io/last-used-at": "2026-11-25T10:08:07.25+01:00"}
        (seen,) = seen_in([self.account(noted)]).values()
        assert seen[1] == datetime(2026, 11, 25, 9, 8, 7, 250_000, tzinfo=UTC)


class TestRows:
    def test_a_key_that_is_well(self) -> None:
        assert row(key()) == key(
            stack="dev",
            workspace="payments",
            created=NOW - 30 * DAY,
            last_used=NOW - 2 * DAY,
            state="current",
            attention=(),
        )

    @pytest.mark.parametrize(
        ("deployed", "state"),
        [
            (key(), "current"),
            (key(expires_at=NOW + SECOND), "current"),
            (key(expires_at=NOW), "expired"),
            (key(expires_at=None), "current"),
            (key(expires_at=None, never=True), "current"),
            (key(dead="it was revoked"), "dead"),
            (key(dead="it expired", expires_at=NOW - DAY), "dead"),
            (key(former=True, until="2026-12-31"), "former"),
            (key(former=True, expires_at=NOW), "expired"),
            (key(former=True, dead="x"), "dead"),
            (key(declared=False), "revoked"),
            (key(declared=False, expires_at=NOW), "expired"),
            (key(made=False, expires_at=None), "missing"),
            (key(made=False, expires_at=None, declared=False), "revoked"),
        ],
    )
    def test_states(self, deployed: DeployedKey, state: str) -> None:
        assert str(row(deployed).state) == state

    @pytest.mark.parametrize(
        ("seen", "created", "last_used"),
        [
            (None, None, None),
            ({}, None, None),
            ({("other", "ambient-key-ci-0"): (NOW, NOW)}, None, None),
            ({("payments", "ambient-key-ci-0"): (NOW - DAY, None)}, NOW - DAY, NEVER_USED),
            ({("payments", "ambient-key-ci-0"): (NOW - DAY, NOW)}, NOW - DAY, NOW),
        ],
    )
    def test_what_the_cluster_says(self, seen: Any, created: Any, last_used: Any) -> None:
        shown = row(key(), seen)
        assert (shown.created, shown.last_used) == (created, last_used)

    @pytest.mark.parametrize(
        ("deployed", "expires", "following", "at"),
        [
            (key(), NOW + 60 * DAY, "rotate", NOW + 46 * DAY),
            (key(next_action="revoke", next_at=NOW), NOW + 60 * DAY, "revoke", NOW),
            (key(never=True, expires_at=None, manual=True, next_action=None, next_at=None), "never", None, None),
            (key(static=True, never=True, expires_at=None, next_action=None, next_at=None), "never", None, None),
            (
                key(manual=True, next_action="expire", next_at=NOW + 60 * DAY),
                NOW + 60 * DAY,
                "expire",
                NOW + 60 * DAY,
            ),
            (
                key(former=True, until="2026-12-31", next_action="expire", next_at=NOW + 60 * DAY),
                NOW + 60 * DAY,
                "end after 2026-12-31",
                None,
            ),
            (key(made=False, expires_at=None, next_action=None, next_at=None), None, None, None),
        ],
    )
    def test_what_comes(self, deployed: DeployedKey, expires: Any, following: Any, at: Any) -> None:
        shown = row(deployed)
        assert (shown.expires, shown.next, columns(shown)["next_at"]) == (expires, following, at)

    def test_both_generations_have_a_row(self) -> None:
        old = key(former=True, until="2026-12-31", account="ambient-key-ci-0")
        new = key(generation=2, account="ambient-key-ci-1")
        seen = {**SEEN, ("payments", "ambient-key-ci-1"): (NOW - DAY, None)}
        shown = rows(summary(old, new), seen, DAILY)
        assert [(key.generation, key.state, key.last_used) for key in shown] == [
            (1, "former", NOW - 2 * DAY),
            (2, "current", NEVER_USED),
        ]

    def test_several_workspaces(self) -> None:
        views = tuple(DeployedWorkspace(name, "active", (), (key(id=name),)) for name in ("a", "b"))
        shown = rows(Deployed("dev", NOW, views), None, DAILY)
        assert [(key.workspace, key.id) for key in shown] == [("a", "a"), ("b", "b")]

    def test_no_key(self) -> None:
        assert rows(Deployed("dev", NOW, ()), {}, DAILY) == rows(summary(), None, DAILY) == []

    def test_a_key_of_the_platform(self) -> None:
        adopted = key(origin="platform", expires_at=None, issued_at=None, next_action=None, next_at=None)
        shown = row(adopted)
        assert (shown.origin, shown.expires, shown.state, shown.next) == ("platform", "unknown", "current", None)
        assert (shown.last_used, shown.attention) == (NOW - 2 * DAY, ())
        assert row(adopted, {}).attention == ("its ServiceAccount is not in the cluster: ambient keys rotate --leaked",)
        assert row(key()).origin == "stack"
