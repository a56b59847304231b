"""Arguments that the commands of `ambient grants` share."""

from typing import Final

from ambient_components.cli.options import misuse, wrong_value
from ambient_components.errors import BadValue
from ambient_components.platform.subjects import Subject, SubjectKind, parse_subject

_PREFIXES: Final = tuple(f"{kind}:" for kind in SubjectKind)


def is_subject(word: str) -> bool:
    """Tell whether an argument is a subject and not a stack or workspace, of which none has a colon."""
    return word.startswith(_PREFIXES)


def subject_of(text: str) -> Subject:
    if not text:
        misuse("SUBJECT", "which subject? Name it: user:bob@example.com or group:payments-devs, for instance")
    try:
        return parse_subject(text)
    except BadValue as error:
        raise wrong_value(error, "SUBJECT") from None
