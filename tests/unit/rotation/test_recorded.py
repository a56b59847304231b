"""What reports read of the tokens on record, whatever a state or the engine's events have there."""

from datetime import UTC, datetime

import pytest

from ambient_components.rotation.state import Minted, TokenRecord, TokenSecret

AT = datetime(2027, 1, 10, tzinfo=UTC)
TOKEN_SECRET = TokenSecret(name="ci-1", uid="u1", generation=1, issued_at=AT, expires_at=None)


def test_what_the_plugin_writes_is_read() -> None:
    older = {"handle": "ci-0", "uid": "u0", "expiresAt": "2027-01-11T00:00:00Z", "dead": "it expired"}
    following = {"what": "rotate", "at": "2027-02-01T00:00:00Z"}
    read = TokenRecord.of(
        {"current": TOKEN_SECRET.to_wire(), "retiring": [older], "nextAction": following, "manual": True}
    )
    assert read.current == Minted("ci-1", "u1", AT)
    assert read.retiring == (Minted("ci-0", "u0", None, datetime(2027, 1, 11, tzinfo=UTC), "it expired"),)
    assert (read.next_action, read.next_at, read.manual) == ("rotate", datetime(2027, 2, 1, tzinfo=UTC), True)
    assert [one.id for one in read] == ["ci-1", "ci-0"]


@pytest.mark.parametrize("outputs", [{"never": True}, {"static": True}])
def test_what_has_no_end_is_renewed_by_nobody_unless_it_is_said(outputs: dict[str, bool]) -> None:
    assert TokenRecord.of(outputs) == TokenRecord(endless=True, manual=True)
    assert not TokenRecord.of({**outputs, "manual": False}).manual


@pytest.mark.parametrize("hidden", ["[secret]", None, [], {}, "", 3, ["[secret]", None, {}, {"uid": "u"}]])
def test_what_is_hidden_or_torn_names_nothing(hidden: object) -> None:
    parts = hidden if isinstance(hidden, str | list | None) else []
    read = TokenRecord.of({"current": hidden, "retiring": parts, "pendingRevocations": parts, "nextAction": hidden})
    assert (list(read), read.current, read.next_at) == ([], None, None)
