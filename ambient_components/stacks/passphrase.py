"""The passphrase of a stack: asked once for each command at a terminal, and given to `pulumi` alone."""

import getpass
import os
import sys
import threading
from collections.abc import Mapping
from typing import Final

from ambient_components.engine.texts import PASSPHRASE_VARIABLES, missing_passphrase
from ambient_components.errors import AmbientError
from ambient_components.stacks.project import Project

_SALT: Final = "encryptionsalt"
"""The entry of a stack's config with which its passphrase is checked. Other secrets providers write others."""

_LOCK: Final = threading.Lock()
_typed: dict[str, str] = {}
"""The answers by salt. Never in `os.environ`, so that no other program inherits them."""


def passphrase(project: Project, stack: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variable with a stack's passphrase. Empty if the stack needs none or the environment has it."""
    if any(environ.get(name) is not None for name in PASSPHRASE_VARIABLES):
        return {}
    path = project.config_file(stack)
    salt = project.read(path).get(_SALT) if path.is_file() else None
    if not salt:
        return {}
    with _LOCK:
        if str(salt) not in _typed:
            _typed[str(salt)] = _ask(stack)
        return {PASSPHRASE_VARIABLES[0]: _typed[str(salt)]}


def _ask(stack: str) -> str:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise AmbientError([missing_passphrase(stack)])
    try:
        return getpass.getpass(f"Passphrase of stack {stack}: ", stream=sys.stderr)
    except EOFError:
        raise KeyboardInterrupt from None


def require_passphrase(project: Project, stack: str) -> None:
    """Ask for a stack's passphrase now if a later command needs it, so that nothing happens before the answer."""
    passphrase(project, stack, os.environ)
