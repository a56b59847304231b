"""Secrets among JSON values."""

from pulumi.runtime import rpc

from ambient_components.engine import secrets

HIDDEN = {secrets.SIGNATURE_KEY: secrets.SECRET, "ciphertext": "v1:abc"}
SHOWN = {secrets.SIGNATURE_KEY: secrets.SECRET, "plaintext": '"HUNTER2"'}


def test_the_signatures_are_those_of_the_sdk() -> None:
    assert rpc._special_sig_key == secrets.SIGNATURE_KEY
    assert rpc._special_secret_sig == secrets.SECRET
    assert rpc._special_output_value_sig == secrets.OUTPUT


def test_nothing_of_a_secret_is_left() -> None:
    value = {"a": [HIDDEN, {"b": SHOWN}], "c": 1, "asset": {secrets.SIGNATURE_KEY: "another"}}
    assert secrets.without_secrets(value, "secret") == {
        "a": ["secret", {"b": "secret"}],
        "c": 1,
        "asset": {secrets.SIGNATURE_KEY: "another"},
    }


def test_a_secret_is_a_text_only_where_the_state_shows_it() -> None:
    assert secrets.plain_text(SHOWN) == "HUNTER2"
    assert secrets.plain_text("plain") == "plain"
    for value in (HIDDEN, None, 3, {**SHOWN, "plaintext": "{"}, {**SHOWN, "plaintext": "3"}):
        assert secrets.plain_text(value) is None
