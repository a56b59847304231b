"""Names of fields in messages: camelCase for those who write YAML, snake_case for those who write Python."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_PYTHON: ContextVar[bool] = ContextVar("python", default=False)


@contextmanager
def python_spelling() -> Iterator[None]:
    """Spell the names of fields in messages and paths as Python does."""
    token = _PYTHON.set(True)
    try:
        yield
    finally:
        _PYTHON.reset(token)


def in_python() -> bool:
    return _PYTHON.get()


def spell(field: str) -> str:
    """Return a field's name as the reader of the message writes it."""
    return field if _PYTHON.get() else camel(field)


def camel(field: str) -> str:
    """Return a field's name in YAML and in plain data, such as ``rotateBefore``, or ``from`` of ``from_``."""
    first, *rest = field.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)
