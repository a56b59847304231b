import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.rules.quantities import QUANTITY_PATTERN, parse_quantity

ALLOWED = "allowed: a number and a unit of m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi or Ei, such as 500m, 2 or 512Mi"
UNITS = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "E-3", "e+1", "e0"]


def _size(text: str) -> Fraction:
    """The order of magnitude, read independently."""
    number, unit = re.fullmatch(r"([0-9.]+)(.*)", text).groups()
    sizes = {"n": "1e-9", "u": "1e-6", "m": "1e-3", "": "1", "k": "1e3", "M": "1e6", "G": "1e9", "T": "1e12"}
    sizes |= {"P": "1e15", "E": "1e18", **{f"{u}i": 1024 ** (i + 1) for i, u in enumerate("KMGTPE")}}
    return Fraction(number.rstrip(".")) * Fraction(sizes.get(unit, f"1{unit}"))


QUANTITIES = st.builds(
    lambda whole, rest, unit: f"{whole}{rest}{unit}",
    st.integers(0, 10**6) | st.integers(0, 7),
    st.sampled_from(["", ".", ".0", ".5", ".125", ".001"]),
    st.sampled_from(UNITS),
).filter(lambda text: _size(text) < 2**63 and (_size(text) * 10**9).denominator == 1)


# What kubernetes 1.34.4 answers (resource.ParseQuantity, then String), read by a program of Go.
@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        (".5", "500m"),
        ("1500m", "1500m"),
        ("1500u", "1500u"),
        ("1000n", "1u"),
        ("1024Mi", "1Gi"),
        ("1048576Ki", "1Gi"),
        ("1000Ki", "1000Ki"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("1.1Ki", "1126400m"),
        ("1000", "1k"),
        ("1024", "1024"),
        ("1Ki", "1Ki"),
        ("+2", "2"),
        ("1e3", "1e3"),
        ("1e2", "100"),
        ("100e1", "1e3"),
        ("1e-3", "1e-3"),
        ("1E", "1E"),
        ("7Ei", "7Ei"),
        ("0Mi", "0"),
        ("0e5", "0"),
        ("00", "0"),
    ],
)
def test_quantities_are_written_as_the_api_server_writes_them(text, canonical):
    assert str(parse_quantity(text)) == canonical


# Kubernetes gives these back as written, and takes the canonical text just as well.
@pytest.mark.parametrize(
    ("text", "canonical"),
    [("1.", "1"), ("1E3", "1e3"), ("1024e0", "1024"), ("1.105G", "1105M"), ("145312.50Ki", "148800k")],
)
def test_there_is_one_text_for_one_amount_even_where_kubernetes_keeps_several(text, canonical):
    assert str(parse_quantity(text)) == canonical


@pytest.mark.parametrize(("number", "canonical"), [(2, "2"), (1000, "1k"), (0.5, "500m"), (0.1, "100m"), (0, "0")])
def test_numbers_of_yaml_are_quantities_and_exact(number, canonical):
    assert str(parse_quantity(number)) == canonical


@given(QUANTITIES)
def test_the_canonical_text_is_the_same_amount_and_stays_as_it_is(text):
    quantity = parse_quantity(text)
    assert quantity.amount == _size(text)
    assert parse_quantity(str(quantity)) == quantity
    assert str(parse_quantity(str(quantity))) == str(quantity)
    assert re.fullmatch(QUANTITY_PATTERN, text)
    assert re.fullmatch(QUANTITY_PATTERN, str(quantity))


@given(QUANTITIES, QUANTITIES)
def test_quantities_compare_by_amount(one, other):
    first, second = parse_quantity(one), parse_quantity(other)
    assert (first < second, first == second) == (_size(one) < _size(other), _size(one) == _size(other))


@pytest.mark.parametrize(("text", "whole"), [("512m", False), ("1000m", True), ("1.5Ki", True), ("0.0001Ki", False)])
def test_fractions_show(text, whole):
    assert parse_quantity(text).whole is whole


def test_amounts_are_exact():
    assert parse_quantity("0.3").amount == Fraction(3, 10)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", f"'' is not a quantity; {ALLOWED}"),
        ("-1", f"'-1' is not a quantity; {ALLOWED}"),
        (-1, f"'-1' is not a quantity; {ALLOWED}"),
        ("9" * 5000, f"'{'9' * 5000}' is not a quantity; {ALLOWED}"),
        ("lots", f"'lots' is not a quantity; {ALLOWED}"),
        ("1e", f"'1e' is not a quantity; {ALLOWED}"),
        ("1e1.5", f"'1e1.5' is not a quantity; {ALLOWED}"),
        ("1e4000", f"'1e4000' is not a quantity; {ALLOWED}"),
        ("٣", f"'٣' is not a quantity; {ALLOWED}"),
        ("1\n", f"'1\\n' is not a quantity; {ALLOWED}"),
        ("512MB", f"'512MB' is not a quantity; {ALLOWED}; did you mean '512Mi'?"),
        ("1 gb", f"'1 gb' is not a quantity; {ALLOWED}; did you mean '1Gi'?"),
        ("1K", f"'1K' is not a quantity; {ALLOWED}; did you mean '1Ki'?"),
        ("1.5gi", f"'1.5gi' is not a quantity; {ALLOWED}; did you mean '1.5Gi'?"),
        ("1..5gi", f"'1..5gi' is not a quantity; {ALLOWED}"),
        (True, f"not a quantity; {ALLOWED}"),
        (None, f"not a quantity; {ALLOWED}"),
        ("8Ei", "8Ei is too large; allowed: up to 9223372036854775807, which is just below 8Ei"),
        ("1e300", "1e300 is too large; allowed: up to 9223372036854775807, which is just below 8Ei"),
        ("0.5n", "0.5n is too fine; allowed: multiples of 1n, the billionth part"),
    ],
)
def test_what_is_no_quantity_is_refused_with_what_is_allowed(value, problem):
    with pytest.raises(ValueError, match=rf"^{re.escape(problem)}\Z"):
        parse_quantity(value)
