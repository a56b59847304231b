"""A translation of all messages of this package, in every Python process that has this folder on its `PYTHONPATH`.

Each character of a problem and of a hint becomes its fullwidth form as the problem is made: no word, number or sign
that a decision could look for stays. Data stays: rule, workspaces, path and position. A translated text is translated
no further, and a text that is put together of others has the translation of its parts.
"""

import importlib.abc
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_FULLWIDTH = {code: code + 0xFEE0 for code in range(ord("!"), ord("~") + 1)}


def reworded(text: str) -> str:
    return text.translate(_FULLWIDTH)


def translate_messages(errors: ModuleType) -> None:
    """Have all problems translated that are made from now on.

    Args:
        errors: The module `ambient_components.errors`.
    """
    problem, bad_value = errors.Problem.__init__, errors.BadValue.__init__

    def make_problem(self: Any, where: Any, path: str, text: str = "", hints: tuple[str, ...] = (), *more: Any,
                     **named: Any) -> None:  # fmt: skip
        text, hints = named.pop("problem", text), named.pop("hints", hints)
        problem(self, where, path, reworded(text), tuple(map(reworded, hints)), *more, **named)

    def make_bad_value(self: Any, text: str, *remedies: Any) -> None:
        bad_value(self, reworded(text), tuple(map(reworded, errors.hints_of(*remedies))))

    errors.Problem.__init__ = make_problem
    errors.BadValue.__init__ = make_bad_value


class _Translator(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != "ambient_components.errors":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def run_and_translate(module: ModuleType) -> None:
            run(module)
            translate_messages(module)

        spec.loader.exec_module = run_and_translate  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _Translator())
