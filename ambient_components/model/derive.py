"""What follows from a model, so that a field is declared once: arguments, plain data, changes, texts.

A noun is a `Model` with marked fields (`marks`), and types that know their plain data (`forms`):

    class Key(Model):
        role: Annotated[RoleName, recorded(required=True)] = Role.EDIT
        '''Text for the schema, the reference and the editor.'''

- `arguments(Key, {"role": "edit"}, deferred=pulumi.Output)` reads a component's arguments: Python's names, every rule,
  all problems at once, and an `Output` where the field has the mark `OUTPUT`.
- `write(key, "ledger")` returns the plain data of a place, without defaults; `read(Key, "ledger", data)` is its
  inverse for data of any version. It runs no validator: a rule that is tighter now must not turn a recorded value into
  a default. `misfits(Key, "ledger", data)` is the strict check of new data, by forms and by the model's validators.
- `differences` and `contents` return the texts of a plan.

The order of plain data is that of the fields. A record that differs from what people declare is a subclass with more
fields (`KeyRecord`), never a copy.
"""

import ast
import inspect
import textwrap
from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from functools import cache
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeVar, get_args, get_origin

from pydantic import ValidationError

from ambient_components.errors import PathPart
from ambient_components.model import messages
from ambient_components.model.base import Model
from ambient_components.model.forms import ABSENT, BY_TYPE, ByName, Choice, Form, Items
from ambient_components.model.marks import DEFERRED, OUTPUT, SECRET, Mark, Place
from ambient_components.rules.findings import Finding, Path, camel, in_python, program_spelling
from ambient_components.suggest import did_you_mean

M = TypeVar("M", bound=Model)


class Part(NamedTuple):
    """A field in plain data."""

    field: str
    name: str
    """Name in plain data; the form may derive others from it."""
    mark: Mark
    form: Form
    default: Any

    def omits(self, value: Any) -> bool:
        """Return whether a value is left out of plain data."""
        unset = self.default if self.mark.unknown is ABSENT else self.mark.unknown
        return not self.mark.required and (value is None or value == unset)

    @property
    def label(self) -> str:
        return self.mark.label or self.field.replace("_", " ")

    def text(self, value: Any) -> str:
        return self.mark.unset if value in (None, "", []) else self.form.text(value)


@cache
def parts(model: type[Model], place: Place) -> tuple[Part, ...]:
    marked = []
    for field, info in model.model_fields.items():
        mark = next((mark for mark in info.metadata if isinstance(mark, Mark) and mark.place == place), None)
        if mark is None:
            continue
        form = mark.form or _form([info.annotation, *info.metadata], place)
        if form is None:
            wrong = "its type has no form"
        elif place == "ledger" and OUTPUT in info.metadata:
            wrong = "what is recorded is known in a preview, so it is no Output"
        elif info.is_required() and mark.unknown is ABSENT:
            wrong = "has no default: the mark says what a missing value is read as (unknown=)"
        else:
            marked.append(Part(field, camel(field), mark, form, info.get_default(call_default_factory=True)))
            continue
        msg = f"{model.__name__}.{field}: {wrong}"
        raise TypeError(msg)
    return tuple(marked)


def plain_names(model: type[Model], place: Place, *, secret: bool = False) -> tuple[str, ...]:
    """Return the names in plain data, or those of the secrets alone."""
    fields = model.model_fields
    marked = [part for part in parts(model, place) if not secret or SECRET in fields[part.field].metadata]
    return tuple(name for part in marked for name in part.form.names(part.name))


def _form(annotations: Collection[Any], place: Place) -> Form | None:
    """Return the form of a type: its own, that of its kind, or that of the type without the option None."""
    if own := next((form for form in annotations if isinstance(form, Form)), None):
        return own
    for annotation in annotations:
        if get_origin(annotation) in (list, dict):
            inner = _form([get_args(annotation)[-1]], place)
            return inner and (Items(inner) if get_origin(annotation) is list else ByName(inner))
        if (form := _form_of_kind(annotation, place)) or (form := _form_within(annotation, place)):
            return form
    return None


def _form_of_kind(annotation: Any, place: Place) -> Form | None:
    if not isinstance(annotation, type):
        return None
    if issubclass(annotation, Model):
        return Nested(annotation, place)
    return Choice(annotation) if issubclass(annotation, Enum) else BY_TYPE.get(annotation)


def _form_within(annotation: Any, place: Place) -> Form | None:
    """Return the form of an `Annotated` type, or of the first alternative of a union."""
    metadata = getattr(annotation, "__metadata__", ())
    for inner in get_args(annotation) if not metadata else (annotation.__origin__,):
        if inner is not type(None) and (form := _form([*metadata, inner], place)):
            return form
    return None


class Nested(Form):
    expected = "a mapping is expected"

    def __init__(self, model: type[Model], place: Place) -> None:
        self._model, self._place = model, place

    def write(self, value: Any) -> Any:
        return write(value, self._place)

    def read(self, plain: Any) -> Any:
        return read(self._model, self._place, plain) if isinstance(plain, Mapping) else ABSENT

    def misfits(self, plain: Any, path: Path) -> Iterator[Finding]:
        yield from misfits(self._model, self._place, plain, path)


def write(value: Model, place: Place) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for part in parts(type(value), place):
        held = getattr(value, part.field)
        if not part.omits(held):
            data |= part.form.write_field(part.name, held)
    return data


def read(model: type[M], place: Place, data: Any) -> M:
    """Read plain data of any version: what is of another kind is left out, and no rule is applied."""
    values: dict[str, Any] = {}
    plain = data if isinstance(data, Mapping) else {}
    for part in parts(model, place):
        value = part.form.read_field(part.name, plain)
        if value is not ABSENT:
            values[part.field] = value
        elif part.mark.unknown is not ABSENT:
            values[part.field] = part.mark.unknown
    return model.model_construct(**values)  # type: ignore[return-value]  # mypy binds it to Model


def record(model: type[M], declared: Model, **known: Any) -> M:
    """Return the record of a declaration: its recorded fields, and what a run knows."""
    values = {part.field: getattr(declared, part.field) for part in parts(type(declared), "ledger")}
    return model.model_construct(**values | known)  # type: ignore[return-value]  # mypy binds it to Model


def misfits(
    model: type[Model], place: Place, data: Any, path: Path = (), *, besides: Collection[str] = ()
) -> Iterator[Finding]:
    """Find all problems of new plain data: values of another kind, then what the model's validators refuse."""
    if not isinstance(data, Mapping):
        yield Finding(path, "a mapping is expected", "")
        return
    values: dict[str, Any] = {}
    written: dict[PathPart, str] = {}
    whole = True
    known = [*besides]
    for part in parts(model, place):
        names = part.form.names(part.name)
        known += names
        given = [name for name in names if data.get(name) is not None]
        wrong = [*part.form.field_misfits(part.name, data, path)] if given else []
        if not given and part.mark.required:
            wrong = [Finding((*path, names[0]), "is missing", "add it")]
        yield from wrong
        whole = whole and not wrong
        value = part.form.read_field(part.name, data)
        if given and not wrong and value is not ABSENT:
            values[part.field] = part.form.unchecked(value)
            written |= {part.field: given[0], part.name: given[0]}
    for name in data.keys() - set(known):
        whole = False
        yield Finding((*path, str(name)), "is not known", did_you_mean(str(name), known), at_key=True)
    for finding in _validated(model, values)[1]:
        field, *rest = finding.path or ("",)
        if field in written:
            yield Finding((*path, written[field], *rest), finding.problem, finding.remedy)
        elif whole and not finding.path:  # a rule about several fields
            yield Finding(path, finding.problem, finding.remedy)


def _validated(
    model: type[M], values: Mapping[str, Any], deferred: type | None = None, *, by_name: bool = True
) -> tuple[M | None, list[Finding]]:
    context = {DEFERRED: deferred}
    try:
        return model.model_validate(values, by_alias=not by_name, by_name=by_name, context=context), []
    except ValidationError as error:
        return None, messages.findings(error, values, model)


def arguments(model: type[M], values: Mapping[str, Any], *, deferred: type) -> tuple[M | None, list[Finding]]:
    """Read arguments in the program's spelling, some of which may be `deferred`; return the model, or all problems."""
    with program_spelling():
        result, findings = _validated(model, values, deferred, by_name=in_python())
    return result, [_with_reason(finding, values, deferred) for finding in findings]


_DECIDES: Final = "is an Output, and this value decides names or structure"


def _with_reason(finding: Finding, values: Any, deferred: type) -> Finding:
    for part in finding.path:
        try:
            values = values[part]
        except (LookupError, TypeError):
            return finding
    if not isinstance(values, deferred):
        return finding
    return Finding(finding.path, _DECIDES, "give a plain value, known before the update")


def changed_names(old: Model, new: Model, besides: Collection[str] = ()) -> list[str]:
    """Return the recorded names with different plain data, sorted, besides those that may differ."""
    before, after = write(old, "ledger"), write(new, "ledger")
    return sorted(name for name in {*before, *after} - {*besides} if before.get(name) != after.get(name))


def differences(old: Model, new: Model) -> list[tuple[str, str, str]]:
    """Return label, old and new text of each recorded field that differs, as the page of a plan shows it."""
    compared = [part for part in parts(type(new), "ledger") if part.mark.compared]
    texts = (
        (part.label, part.text(getattr(old, part.field)), part.text(getattr(new, part.field))) for part in compared
    )
    return [(label, before, after) for label, before, after in texts if before != after]


def contents(record: Model, *, besides: Collection[str] = ()) -> list[str]:
    """Return the recorded fields of a new thing for the page of a plan, such as ``lifetime 90d`` and ``static``."""
    shown = []
    for part in parts(type(record), "ledger"):
        value = getattr(record, part.field)
        if part.mark.compared and part.field not in besides and not part.omits(value):
            text = part.form.text(value)
            if text != "no":
                shown.append(part.label if text == "yes" else f"{part.label} {text}")
    return shown


@cache
def field_texts(model: type[Model]) -> Mapping[str, str]:
    """Return the texts after a model's fields in its source. Slow: only schemas and generated files need them."""
    texts: dict[str, str] = {}
    for cls in reversed(model.__mro__[: model.__mro__.index(Model)]):
        texts |= class_texts(cls)
    return texts


def class_texts(cls: type) -> dict[str, str]:
    """Return the texts after a class's own fields in its source."""
    texts: dict[str, str] = {}
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    for field, text in pairwise(getattr(definition, "body", ())):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(value))):
                texts[name] = inspect.cleandoc(value)
    return texts
