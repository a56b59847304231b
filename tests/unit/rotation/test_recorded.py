"""What reports read of the tokens on record, whatever a state or the engine's events have there."""

from datetime import UTC, datetime

import pytest

from ambient_components.rotation.state import NO_TIME, TokenSecret, TokenState

AT = datetime(2027, 1, 10, tzinfo=UTC)
TOKEN_SECRET = TokenSecret(name="ci-1", uid="u1", generation=1, issued_at=AT, expires_at=None)


def test_what_the_plugin_writes_is_read() -> None:
    older = {"handle": "ci-0", "uid": "u0", "expiresAt": "2027-01-11T00:00:00Z", "dead": "it expired"}
    read = TokenState.observed({"current": TOKEN_SECRET.to_wire(), "retiring": [older]})
    assert read.current == TOKEN_SECRET
    assert read.retiring == (
        TokenSecret("ci-0", "u0", 1, NO_TIME, datetime(2027, 1, 11, tzinfo=UTC), dead="it expired"),
    )


@pytest.mark.parametrize("hidden", ["[secret]", None, [], {}, "", 3, ["[secret]", None, {}, {"uid": "u"}]])
def test_what_is_hidden_or_torn_names_nothing(hidden: object) -> None:
    parts = hidden if isinstance(hidden, str | list | None) else []
    read = TokenState.observed({"current": hidden, "retiring": parts, "pendingRevocations": parts})
    assert ([secret.name for secret in read.token_secrets if secret.name], read.current) == ([], None)
