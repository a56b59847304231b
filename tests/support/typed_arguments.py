"""Writes the typed arguments of components from the models: ``python -m tests.support.typed_arguments``."""

import sys
import textwrap
from collections.abc import Iterator
from datetime import date
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, Final, get_args, get_origin

from ambient_components.model.base import Model
from ambient_components.model.derive import field_texts
from ambient_components.model.forms import SECONDS, Form
from ambient_components.model.keys import Delivery, DeliverySecret, Key, SeparateKey
from ambient_components.model.marks import OUTPUT

FILE: Final = Path(__file__).parents[2] / "ambient_components/components/arguments.py"
MODELS: Final = {
    DeliverySecret: "DeliverySecretArgs",
    Delivery: "DeliveryArgs",
    Key: "KeyArgs",
    SeparateKey: "ApiKeyArgs",
}
"""Models and the names of their arguments; those of a model below another one first."""

_HEAD: Final = '''"""Arguments of components. Generated from the models: ``python -m tests.support.typed_arguments``."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal, NotRequired, TypedDict

import pulumi
'''


def source() -> str:
    return "\n\n".join([_HEAD, *(_typed_dict(model, name) for model, name in MODELS.items())])


def _typed_dict(model: type[Model], name: str) -> str:
    base = next((MODELS[one] for one in model.__mro__[1:] if one in MODELS), "TypedDict")
    inherited = model.__mro__[1].model_fields if base != "TypedDict" else {}
    lines = [f"class {name}({base}):", f'    """{(model.__doc__ or "").strip()}"""']
    texts = field_texts(model)
    for field, info in model.model_fields.items():
        if field in inherited:
            continue
        kind = " | ".join(_kinds(info.annotation, [*info.metadata, *_metadata(info.annotation)]))
        kind = f"pulumi.Input[{kind}]" if OUTPUT in info.metadata else kind
        text = " ".join(texts[field].split()).replace("`", "``")
        wrapped = textwrap.wrap(f'"""{text}', 116, initial_indent=" " * 4, subsequent_indent=" " * 4)
        end = '"""' if len(wrapped) == 1 else '\n    """'
        lines += ["", f"    {field}: {kind if info.is_required() else f'NotRequired[{kind}]'}"]
        lines += ["\n".join(wrapped) + end]
    return "\n".join(lines) + "\n"


def _kinds(annotation: Any, metadata: list[Any]) -> Iterator[str]:
    if any(isinstance(one, Form) and isinstance(one, type(SECONDS)) for one in metadata):
        yield from ("str", "timedelta")
        return
    for kind in _alternatives(annotation):
        if kind in MODELS:
            yield MODELS[kind]
        elif get_origin(kind) is list:
            yield f"Sequence[{' | '.join(_kinds(get_args(kind)[0], []))}]"
        elif issubclass(kind, Enum):
            yield f"Literal[{', '.join(f'{word.value!r}' for word in kind)}]".replace("'", '"')
        elif kind is date:
            yield from ("date", "str")
        else:
            yield kind.__name__


def _metadata(annotation: Any) -> Iterator[Any]:
    yield from getattr(annotation, "__metadata__", ())
    for inner in get_args(annotation):
        yield from _metadata(inner)


def _alternatives(annotation: Any) -> Iterator[Any]:
    if hasattr(annotation, "__metadata__"):
        yield from _alternatives(annotation.__origin__)
    elif get_origin(annotation) is list or not get_args(annotation):
        if annotation is not NoneType:
            yield annotation
    else:
        for inner in get_args(annotation):
            yield from _alternatives(inner)


if __name__ == "__main__":
    FILE.write_text(source(), encoding="utf-8")
    sys.exit()
