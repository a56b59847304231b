"""Plain data of types, for the ledger and the plugin's inputs.

A form knows the kind of a value, not the rules for it. Reading is tolerant: what another version wrote stays what it
was, though a rule may be tighter now, and only what is of another kind is left out.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from enum import Enum
from typing import Any, Final

from ambient_components.rules.durations import DAY as ONE_DAY
from ambient_components.rules.durations import format_seconds
from ambient_components.rules.findings import Finding, Path
from ambient_components.rules.lifetimes import NEVER, Rotate

ABSENT: Final = object()
"""No value of this kind."""


class Form:
    """The plain data of a type. Most types have one value under the field's name."""

    expected = ""
    """What new data must be, for a message."""

    def write(self, value: Any) -> Any:
        return value

    def read(self, plain: Any) -> Any:
        """Return the value; `ABSENT` if it is of another kind. Runs no rule and never fails."""
        raise NotImplementedError

    def unchecked(self, value: Any) -> Any:
        """Return what the model's own validators take, from a value that was read."""
        return value

    def text(self, value: Any) -> str:
        """Return the value for people."""
        return str(value)

    def misfits(self, plain: Any, path: Path) -> Iterator[Finding]:
        """Find what is of another kind."""
        if self.read(plain) is ABSENT:
            yield Finding(path, self.expected, "")

    def names(self, name: str) -> tuple[str, ...]:
        """Return the names of a field's plain data. Of several only one may be given."""
        return (name,)

    def write_field(self, name: str, value: Any) -> dict[str, Any]:
        return {self.names(name)[0]: self.write(value)}

    def read_field(self, name: str, data: Mapping[str, Any]) -> Any:
        return self.read(data.get(self.names(name)[0]))

    def field_misfits(self, name: str, data: Mapping[str, Any], path: Path) -> Iterator[Finding]:
        here = self.names(name)[0]
        yield from self.misfits(data.get(here), (*path, here))


class _Text(Form):
    expected = "text is expected"

    def read(self, plain: Any) -> Any:
        return plain if isinstance(plain, str) else ABSENT


class _OfStore(_Text):
    """A text of the object store, among the provider's settings."""

    def names(self, name: str) -> tuple[str, ...]:
        return (f"store{name[0].upper()}{name[1:]}",)


class _Flag(Form):
    expected = "true or false is expected"

    def read(self, plain: Any) -> Any:
        return plain if isinstance(plain, bool) else ABSENT

    def text(self, value: Any) -> str:
        return "yes" if value else "no"


class _Switch(_Flag):
    """A boolean that people read as it is written."""

    def text(self, value: Any) -> str:
        return "true" if value else "false"


class _Whole(Form):
    expected = "a whole number is expected"

    def read(self, plain: Any) -> Any:
        # Numbers are floats in Pulumi's protocol.
        whole = isinstance(plain, int | float) and not isinstance(plain, bool) and plain % 1 == 0
        return int(plain) if whole else ABSENT


class Choice(_Text):
    """One of several words. A word of a later version is read as text, so that it is never taken for another."""

    def __init__(self, words: type[Enum]) -> None:
        self._words = {str(word.value): word for word in words}

    def write(self, value: Any) -> Any:
        return str(value)

    def read(self, plain: Any) -> Any:
        return self._words.get(plain, plain) if isinstance(plain, str) else ABSENT


class _Anything(Form):
    """A value in somebody else's format, which has rules of its own."""

    def read(self, plain: Any) -> Any:
        return ABSENT if plain is None else plain


class _OfPlatform(Form):
    """A model in the format of the platform's API, which has rules of its own. It is not read back."""

    expected = "a mapping is expected"

    def write(self, value: Any) -> Any:
        return value.as_platform()

    def read(self, plain: Any) -> Any:  # noqa: ARG002
        return ABSENT

    def misfits(self, plain: Any, path: Path) -> Iterator[Finding]:
        if not isinstance(plain, Mapping):
            yield Finding(path, self.expected, "")


class _Day(Form):
    expected = "a day is expected, YYYY-MM-DD"

    def write(self, value: Any) -> Any:
        return str(value)

    def read(self, plain: Any) -> Any:
        try:
            return date.fromisoformat(plain)
        except (TypeError, ValueError):
            return ABSENT


class Items(Form):
    """A list of values of one form; others are left out."""

    expected = "a list is expected"

    def __init__(self, item: Form, *, ordered: bool = True) -> None:
        self.item, self._ordered = item, ordered

    def write(self, value: Any) -> Any:
        items = [self.item.write(item) for item in value]
        return items if self._ordered else sorted(items)

    def read(self, plain: Any) -> Any:
        if not isinstance(plain, list | tuple):
            return ABSENT
        items = [item for item in map(self.item.read, plain) if item is not ABSENT]
        return items if self._ordered else sorted(items)

    def unchecked(self, value: Any) -> Any:
        return [self.item.unchecked(item) for item in value]

    def text(self, value: Any) -> str:
        return ", ".join(map(self.item.text, value))

    def misfits(self, plain: Any, path: Path) -> Iterator[Finding]:
        if not isinstance(plain, list | tuple):
            yield Finding(path, self.expected, "")
            return
        for index, item in enumerate(plain):
            yield from self.item.misfits(item, (*path, index))


class ByName(Form):
    """A mapping from names to values of one form; others are left out."""

    expected = "a mapping is expected"

    def __init__(self, item: Form) -> None:
        self.item = item

    def write(self, value: Any) -> Any:
        return {str(name): self.item.write(item) for name, item in value.items()}

    def read(self, plain: Any) -> Any:
        if not isinstance(plain, Mapping):
            return ABSENT
        items = ((str(name), self.item.read(item)) for name, item in plain.items())
        return {name: item for name, item in items if item is not ABSENT}

    def unchecked(self, value: Any) -> Any:
        return {name: self.item.unchecked(item) for name, item in value.items()}

    def misfits(self, plain: Any, path: Path) -> Iterator[Finding]:
        if not isinstance(plain, Mapping):
            yield Finding(path, self.expected, "")
            return
        for name, item in plain.items():
            yield from self.item.misfits(item, (*path, str(name)))


class _Seconds(_Whole):
    """A duration: whole seconds under a name that says so."""

    def names(self, name: str) -> tuple[str, ...]:
        return (f"{name}Seconds",)

    def unchecked(self, value: Any) -> Any:
        return f"{value}s" if value else "0"

    def text(self, value: Any) -> str:
        return format_seconds(value) if value else "0"


class _Days(_Whole):
    """A duration in seconds, as whole days under a name that says so."""

    def names(self, name: str) -> tuple[str, ...]:
        return (f"{name}Days",)

    def write(self, value: Any) -> Any:
        return value // ONE_DAY

    def read(self, plain: Any) -> Any:
        days = super().read(plain)
        return ABSENT if days is ABSENT else days * ONE_DAY

    def unchecked(self, value: Any) -> Any:
        return f"{self.write(value)}d"

    def text(self, value: Any) -> str:
        return str(self.write(value))


class _IdleTimeout(_Seconds):
    """An idle timeout, 0 for none, under the platform's name."""

    def names(self, name: str) -> tuple[str, ...]:  # noqa: ARG002  # one field of this kind a model
        return ("inactivityTimeoutSeconds",)

    def unchecked(self, value: Any) -> Any:
        return super().unchecked(value) if value else "never"


class _Lifetime(_Seconds):
    """A duration, or `never: true` for no expiry."""

    def names(self, name: str) -> tuple[str, ...]:
        return (*super().names(name), "never")

    def write_field(self, name: str, value: Any) -> dict[str, Any]:
        return {"never": True} if value == NEVER else super().write_field(name, value)

    def read_field(self, name: str, data: Mapping[str, Any]) -> Any:
        return NEVER if data.get("never") is True else super().read_field(name, data)

    def field_misfits(self, name: str, data: Mapping[str, Any], path: Path) -> Iterator[Finding]:
        seconds, never = self.names(name)
        if data.get(never) is not None:
            yield from FLAG.misfits(data[never], (*path, never))
        if data.get(seconds) is not None and data.get(never) is True:
            yield Finding((*path, seconds), f"excludes {never}", "remove one of the two")
        elif data.get(seconds) is not None:
            yield from self.misfits(data[seconds], (*path, seconds))

    def unchecked(self, value: Any) -> Any:
        return "never" if value == NEVER else super().unchecked(value)

    def text(self, value: Any) -> str:
        if value == NEVER:
            return "never"
        return format_seconds(value) if value else "unknown"


class _Manual(_Flag):
    """The way of rotation, as whether it is manual."""

    def names(self, name: str) -> tuple[str, ...]:  # noqa: ARG002  # one field of this kind a model
        return ("manual",)

    def write(self, value: Any) -> Any:
        return value is Rotate.MANUAL

    def read(self, plain: Any) -> Any:
        return (Rotate.MANUAL if plain else Rotate.AUTO) if isinstance(plain, bool) else ABSENT

    def text(self, value: Any) -> str:
        return super().text(value is Rotate.MANUAL)


TEXT: Final = _Text()
FLAG: Final = _Flag()
SWITCH: Final = _Switch()
WHOLE: Final = _Whole()
DAY: Final = _Day()
ANYTHING: Final = _Anything()
OF_PLATFORM: Final = _OfPlatform()
OF_STORE: Final = _OfStore()
SECONDS: Final = _Seconds()
IDLE_TIMEOUT: Final = _IdleTimeout()
DAYS: Final = _Days()
LIFETIME: Final = _Lifetime()
MANUAL: Final = _Manual()

BY_TYPE: Final[Mapping[type, Form]] = {str: TEXT, bool: FLAG, int: WHOLE, date: DAY}
"""Forms of types that say nothing else."""
