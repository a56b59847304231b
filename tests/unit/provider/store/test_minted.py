"""The note of a user on its access keys: which of them this tool minted."""

import re

import pytest

from ambient_components.provider.store.accounts import Note


@pytest.mark.parametrize("text", ["", "K1", "K1 K2", "K1 -K2 +", "-K1", "+"])
def test_a_note_is_read_as_it_is_written(text):
    assert str(Note.of(text)) == text


def test_without_a_note_nothing_is_known():
    assert Note.of(None) == Note()


@pytest.mark.parametrize(
    ("note", "key", "recorded", "ours"),
    [
        pytest.param("", "K1", [], False, id="no note: by hand"),
        pytest.param("", "K1", ["K1"], True, id="on record, whatever the note says"),
        pytest.param("K1", "K1", [], True, id="a lost state: noted as ours"),
        pytest.param("K1", "K2", ["K1"], False, id="made by hand after ours"),
        pytest.param("K1", "K2", [], False, id="a lost state, and one by hand"),
        pytest.param("+", "K1", [], True, id="the first one, by a run that died"),
        pytest.param("K1 +", "K2", ["K1"], True, id="the second one, by a run that died"),
        pytest.param("K1 +", "K1", [], True, id="a lost state after that"),
        pytest.param("-KX +", "KX", [], False, id="by hand before a mint that died"),
        pytest.param("-KX +", "K1", [], True, id="by that mint"),
        pytest.param("K1 +", "K3", ["K1", "K2"], False, id="the mint ended, and only its note is missing"),
        pytest.param("K1 -KX", "KX", ["K1"], False, id="by hand, and noted so"),
    ],
)
def test_a_key_is_ours_where_it_is_on_record_or_a_run_died(note, key, recorded, ours):
    assert Note.of(note).is_ours(key, recorded) is ours


def test_a_mint_is_noted_before_and_after():
    note = Note.of("K1").before_mint(["K1", "KX"])
    assert str(note) == "K1 -KX +"
    assert str(note.minted("K2")) == "K1 K2 -KX"
    # One that is gone is forgotten, so that the tag does not grow.
    assert str(Note.of("K1 K2 -KX").before_mint(["K2"])) == "K2 +"


def test_a_mint_that_was_refused_or_has_ended_is_not_under_way():
    assert str(Note.of("K1 -KX +").refused()) == "K1 -KX"
    assert str(Note.of("K1 KGONE +").settled(["K1", "K2", "K3"], ["K2", "K4"])) == "K1 K2 -K3"


def test_a_note_has_a_form_that_iam_takes_for_a_tag():
    longest = Note(frozenset({"A" * 21, "B" * 21}), frozenset({"C" * 21}), under_way=True)
    assert re.fullmatch(r"[\w .:/=+\-@]{0,256}", str(longest))
