import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.errors import StepError
from ambient_components.provider.protocol.wire import UNKNOWN, Secret, decode, encode, merged
from tests.support.fake_plugin import UNKNOWN as SENTINEL
from tests.support.fake_plugin import asset, output, plain, secret, struct

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.just(UNKNOWN)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3) | inner.map(Secret),
    max_leaves=12,
)
properties = st.dictionaries(st.text(), values, max_size=4)


def unwrapped(value):
    if isinstance(value, Secret):
        return unwrapped(value.value)
    if isinstance(value, dict):
        return {key: unwrapped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unwrapped(item) for item in value]
    return value


@given(properties)
def test_what_is_encoded_is_decoded_but_for_the_marks_of_secrets(values):
    assert decode(encode(values)) == unwrapped(values)


@given(st.integers(-(2**53), 2**53))
def test_whole_numbers_come_back_as_ints(number):
    assert type(decode(encode({"a": number}))["a"]) is int


def test_booleans_are_no_numbers():
    assert decode(encode({"yes": True, "no": False})) == {"yes": True, "no": False}
    assert type(decode(encode({"yes": True}))["yes"]) is bool


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (None, None),
        (7, 7.0),
        ("text", "text"),
        (UNKNOWN, SENTINEL),
        (Secret("s"), secret("s")),
        (Secret(UNKNOWN), secret(SENTINEL)),
        (Secret(None), secret(None)),
        (Secret({"a": [1]}), secret({"a": [1.0]})),
        ([], []),
        ({}, {}),
        ((1, "a"), [1.0, "a"]),
        ([{"a": Secret("s")}], [{"a": secret("s")}]),
    ],
)
def test_each_value_has_the_form_that_the_protocol_fixes(value, wire):
    assert plain(encode({"x": value})) == {"x": wire}


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        (secret("s"), "s"),
        (secret(SENTINEL), UNKNOWN),
        (secret(secret("s")), "s"),
        (output("v"), "v"),
        (output("v", secret=True), "v"),
        (output(), UNKNOWN),
        ({"a": [secret({"b": output(3)})]}, {"a": [{"b": 3}]}),
    ],
)
def test_marks_are_unwrapped(wire, value):
    assert decode(struct({"x": wire})) == {"x": value}


def test_a_kind_of_value_that_is_not_taken_is_refused():
    with pytest.raises(StepError, match=r"does not take \(signature c44067f5"):
        decode(struct({"x": asset("a")}))
    with pytest.raises(TypeError, match="set has no wire form"):
        encode({"x": {1}})


@given(st.text(min_size=12))
def test_a_secret_is_never_in_a_repr(text):
    received = f"{Secret(text)!r} {Secret(text)} {[Secret(text)]} { ({'a': Secret({'b': text})}) }"
    assert text not in received


def test_merged_keeps_the_marks_of_the_inputs_under_the_outputs():
    inputs = struct({"plain": "a", "hidden": secret("h"), "deep": {"in": [secret("i")]}, "replaced": secret("old")})
    state = merged(inputs, {"replaced": "new", "token": Secret("t"), "none": None, "count": 3})
    assert plain(state) == {
        "plain": "a",
        "hidden": secret("h"),
        "deep": {"in": [secret("i")]},
        "replaced": "new",
        "token": secret("t"),
        "none": None,
        "count": 3.0,
    }


@given(properties, properties)
def test_merged_is_the_outputs_over_the_inputs(inputs, outputs):
    assert decode(merged(encode(inputs), outputs)) == unwrapped({**inputs, **outputs})
