"""Kubernetes quantities such as 500m, 2, 1.5Gi and 10k: parsed exactly, formatted as the API server formats them.

The API server stores quantities in a canonical form: `1000m` becomes `1`, `1024Mi` becomes `1Gi`. Another form would
show a change in every refresh, so all quantities are canonical before they are sent. The rules are those of
`resource.Quantity` in Kubernetes' apimachinery; the tests compare with its results.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Final

from ambient_components.errors import reject

QUANTITY_FORMS: Final = "a number and a unit of m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi or Ei, such as 500m, 2 or 512Mi"
"""Formats that `parse_quantity` accepts, for error messages; omits n, u and exponents, which are rarely meant."""

QUANTITY_PATTERN: Final = r"\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?"
"""The accepted quantities as a regular expression for JSON Schema, without anchors."""

_ALLOWED: Final = f"allowed: {QUANTITY_FORMS}"
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_KIBI: Final = 1024
_MAX: Final = 2**63 - 1
_MIN: Final = Fraction(1, 10**9)
_EXPONENT_DIGITS: Final = 3
_LONGEST: Final = 100
"""Characters; a valid amount has at most 19 digits before the point and 9 after it."""
_QUANTITY: Final = re.compile(r"\+?(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?P<unit>[eE][+-]?[0-9]+|[A-Za-z]{0,2})")
_NUMBER_AND_WORD: Final = re.compile(r"([0-9.]+)\s*([A-Za-z]+)")


class _Form(StrEnum):
    """Notation of a quantity, which the canonical form keeps."""

    DECIMAL = "decimal"
    BINARY = "binary"
    EXPONENT = "exponent"


@dataclass(frozen=True, order=True, slots=True)
class Quantity:
    """An amount of a resource; compares by amount, formats canonically: `str(parse_quantity("1024Mi"))` is `1Gi`."""

    amount: Fraction
    """In the resource's own unit: cores, bytes, objects."""

    _form: _Form = field(default=_Form.DECIMAL, compare=False)

    @property
    def whole(self) -> bool:
        """Whether the amount is a whole number, as bytes and object counts must be."""
        return self.amount.denominator == 1

    def __str__(self) -> str:
        if not self.amount:
            return "0"
        # What no binary unit divides is written in decimal: 0.5Ki is 512, 1.1Ki is 1126400m.
        if self._form is _Form.BINARY and (self.amount / _KIBI).denominator == 1:
            return self._binary()
        power = max(power for power in _DECIMAL.values() if (self.amount / Fraction(10) ** power).denominator == 1)
        number = self.amount / Fraction(10) ** power
        if self._form is _Form.EXPONENT:
            return f"{number}e{power}" if power else f"{number}"
        return f"{number}{next(unit for unit, exponent in _DECIMAL.items() if exponent == power)}"

    def _binary(self) -> str:
        number, power = int(self.amount), 0
        while number % _KIBI == 0 and power < len(_BINARY) - 1:
            number, power = number // _KIBI, power + 1
        return f"{number}{_BINARY[power]}"


def parse_quantity(value: object) -> Quantity:
    """Read a quantity: a text, or a plain number of the YAML.

    It is exact, from 0 to 2^63-1 in steps of 1n. Kubernetes would silently round or cap other amounts.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        reject("not a quantity", _ALLOWED)  # not TypeError: pydantic collects ValueErrors only
    text = value if isinstance(value, str) else repr(value)  # the shortest text that is this float, so 0.1 is 0.1
    quantity = _read(text)
    if quantity is None:
        reject(f"{text!r} is not a quantity", _ALLOWED, _suggestion(text))
    if quantity.amount > _MAX:
        reject(f"{text} is too large", f"allowed: up to {_MAX}, which is just below 8Ei")
    if (quantity.amount / _MIN).denominator != 1:
        reject(f"{text} is too fine", "allowed: multiples of 1n, the billionth part")
    return quantity


def _read(text: str) -> Quantity | None:
    match = _QUANTITY.fullmatch(text)
    if match is None or not text.isascii() or len(text) > _LONGEST:
        return None
    number = Fraction("0" + match["number"].rstrip("."))  # Python reads neither `.5` nor `1.` as a fraction
    unit = match["unit"]
    if unit in _DECIMAL:
        return Quantity(number * Fraction(10) ** _DECIMAL[unit])
    if unit in _BINARY:
        return Quantity(number * _KIBI ** _BINARY.index(unit), _Form.BINARY)
    exponent = unit[1:]
    if unit[:1] not in ("e", "E") or not exponent.lstrip("+-").isdigit():
        return None
    if len(exponent.lstrip("+-")) > _EXPONENT_DIGITS:
        return None  # no valid amount needs more, and the power would take forever to compute
    return Quantity(number * Fraction(10) ** int(exponent), _Form.EXPONENT)


def _suggestion(text: str) -> str:
    """Return a suggestion for inputs such as `512MB`, `1 gb` or `1K`: nearly always the binary unit is meant."""
    match = _NUMBER_AND_WORD.fullmatch(text.strip())
    unit = f"{match[2].lower().removesuffix('b').removesuffix('i').upper()}i" if match else ""
    if match is None or unit not in _BINARY or match[2] == "e" or _read(match[1]) is None:
        return ""
    return f"did you mean '{match[1]}{unit}'?"
