"""What follows from a model: plain data is read as it was, of any version; new data and arguments meet every rule."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, Field, StrictInt, model_validator

from ambient_components.errors import hints_of
from ambient_components.model.base import Model, refuse
from ambient_components.model.dates import Day
from ambient_components.model.derive import (
    arguments,
    contents,
    differences,
    misfits,
    parts,
    read,
    write,
)
from ambient_components.model.marks import OUTPUT, recorded, sent
from ambient_components.model.rotation import Overlap, RotateName
from ambient_components.model.types import Duration, Flag, Lifetime, Text
from ambient_components.rules.findings import camel, spell
from ambient_components.rules.lifetimes import NEVER, Rotate


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def _short(value: str) -> str:
    return value if len(value) < 9 else refuse("is long", "allowed: 8 characters")


class Part(Model):
    """A part."""

    size: Annotated[Annotated[StrictInt, Field(ge=1)], recorded(required=True, unknown=0)]
    """Size of the part."""


class Noun(Model):
    """A noun with a field of every form."""

    title: Annotated[Text, OUTPUT] = Field(default="", max_length=10)
    """Title for people."""

    colour: Annotated[Colour, recorded(required=True, unknown="")] = Colour.RED
    """Red or blue."""

    lifetime: Annotated[Lifetime, recorded(unknown=0), sent("token", unknown=0)] = 86400
    """How long it lives."""

    rotate: Annotated[RotateName | None, recorded(label="manual", unset="no"), sent("token")] = None
    """Who rotates it."""

    overlap: Annotated[Overlap | None, sent("token")] = None
    """How long two are valid."""

    warn_ahead: Annotated[Duration | None, recorded()] = None
    """How early to warn."""

    last_day: Annotated[Day | None, recorded()] = None
    """Its last day."""

    static: Annotated[Flag | None, recorded()] = None
    """Whether it stays."""

    names: Annotated[list[Annotated[Text, AfterValidator(_short)]], recorded(compared=False)] = Field(default=[])
    """Further names."""

    places: Annotated[dict[Text, Text], recorded()] = Field(default={})
    """Places by name."""

    parts: Annotated[dict[Text, Part], recorded()] = Field(default={})
    """Parts by name."""

    @model_validator(mode="after")
    def _fits_together(self) -> "Noun":
        if self.static and self.lifetime != NEVER:
            refuse(f"is static, and ends: remove {spell('last_day')}", "")
        return self


class Later:
    """A value that only the update knows."""


WHOLE: dict[str, Any] = {
    "colour": "blue",
    "never": True,
    "manual": True,
    "warnAheadSeconds": 60,
    "lastDay": "2026-12-31",
    "static": True,
    "names": ["a", "b"],
    "places": {"here": "there"},
    "parts": {"one": {"size": 1}},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def found(data: Any) -> list[str]:
    return [
        f"{'.'.join(map(str, misfit.path))}: {'; '.join((misfit.problem, *hints_of(misfit.remedy)))}"
        for misfit in misfits(Noun, "ledger", data)
    ]


def refused(**values: Any) -> list[str]:
    result, problems = arguments(Noun, values, deferred=Later)
    assert (result is None) is bool(problems)
    return [f"{'.'.join(map(str, problem.path))}: {problem.problem}" for problem in problems]


def test_every_field_is_written_as_it_was_read():
    assert write(read(Noun, "ledger", WHOLE), "ledger") == WHOLE
    assert found(WHOLE) == []


def test_defaults_are_left_out_unless_required():
    assert write(Noun(), "ledger") == {"colour": "red", "lifetimeSeconds": 86400}
    assert write(read(Noun, "ledger", {}), "ledger") == {"colour": ""}


@given(st.dictionaries(st.sampled_from(["lifetimeSeconds", *WHOLE]), JSON) | JSON)
def test_reading_never_fails_and_agrees_with_writing(data):
    typed = read(Noun, "ledger", data)
    assert read(Noun, "ledger", write(typed, "ledger")) == typed
    list(misfits(Noun, "ledger", data))


def test_reading_runs_no_rule():
    typed = read(Noun, "ledger", {"colour": "pink", "lifetimeSeconds": 5, "names": ["much too long"], "static": True})
    assert (typed.colour, typed.lifetime, typed.names, typed.static) == ("pink", 5, ["much too long"], True)


def test_numbers_of_the_protocol_are_whole_ones():
    assert read(Noun, "ledger", {"lifetimeSeconds": 600.0}).lifetime == 600
    assert read(Noun, "ledger", {"lifetimeSeconds": 600.5}).lifetime == 0


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"colour": None}, "colour: is missing; add it"),
        ({"colour": "pink"}, "colour: "),
        ({"colour": 5}, "colour: text is expected"),
        ({"never": None, "lifetimeSeconds": "90d"}, "lifetimeSeconds: a whole number is expected"),
        ({"never": None, "static": None, "lifetimeSeconds": 5}, "lifetimeSeconds: 5s is too short; allowed:"),
        ({"lifetimeSeconds": 86400}, "lifetimeSeconds: excludes never; remove one of the two"),
        ({"names": ["a", 5]}, "names.1: text is expected"),
        ({"names": ["much too long"]}, "names.0: is long; allowed: 8 characters"),
        ({"parts": {"one": {"size": 0}}}, "parts.one.size: 0 is too low; allowed: whole numbers from 1"),
        ({"parts": {"one": {"size": "1"}}}, "parts.one.size: a whole number is expected"),
        ({"sttic": True}, "sttic: is not known; did you mean 'static'?"),
        ({"never": None, "lifetimeSeconds": 86400}, ": is static, and ends: remove lastDay"),
    ],
)
def test_new_data_meets_every_rule(more, problem):
    (one,) = found({**WHOLE, **more})
    assert one.startswith(problem)


def test_arguments_are_spelt_as_python_does():
    noun, problems = arguments(
        Noun,
        {
            "lifetime": timedelta(days=1),
            "warn_ahead": "2d",
            "last_day": "2026-12-31",
            "rotate": "manual",
            "title": None,
        },
        deferred=Later,
    )
    assert problems == []
    assert noun == Noun.model_construct(
        lifetime=86400, warn_ahead=172800, last_day=date(2026, 12, 31), rotate=Rotate.MANUAL
    )


def test_all_problems_of_arguments_are_named_with_their_paths():
    assert refused(warnAhead="2d", lifetime=5, names="a", parts={"one": {}}) == [
        "lifetime: 5 has no unit",
        "names: is text",
        "parts.one.size: is missing",
        "warnAhead: 'warnAhead' is not a field",
    ]
    assert refused(static=True) == [": is static, and ends: remove last_day"]


def test_a_value_of_the_update_is_taken_where_it_decides_nothing():
    noun, _ = arguments(Noun, {"title": Later()}, deferred=Later)
    assert isinstance(noun and noun.title, Later)
    assert refused(lifetime=Later()) == ["lifetime: is an Output, and this value decides names or structure"]


def test_a_recorded_field_is_no_output():
    class Wrong(Model):
        title: Annotated[Text, OUTPUT, recorded()] = ""

    with pytest.raises(TypeError, match="title"):
        parts(Wrong, "ledger")


def test_a_plan_names_what_differs():
    old = Noun(colour=Colour.RED, rotate=Rotate.AUTO)
    new = read(Noun, "ledger", WHOLE)
    assert differences(old, new)[:4] == [
        ("colour", "red", "blue"),
        ("lifetime", "1d", "never"),
        ("manual", "no", "yes"),
        ("warn ahead", "unset", "1m"),
    ]
    assert contents(old) == ["colour red", "lifetime 1d"]
    assert contents(new, besides=("colour", "places", "parts")) == [
        "lifetime never",
        "manual",
        "warn ahead 1m",
        "last day 2026-12-31",
        "static",
    ]


def test_names_in_files_are_those_of_the_models():
    assert {name: field.alias for name, field in Noun.model_fields.items()} == {
        name: camel(name) for name in Noun.model_fields
    }
