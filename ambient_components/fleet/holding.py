"""Workspaces that `ambient up` over a fleet has this run leave as they are: what that changes in the program.

They are declared like all others, so that the stack keeps their outputs; the engine is told by flags to leave alone
whatever is theirs. What stops the program for the sake of one of them, such as a secret that is missing, stops it no
more: it is an unknown value of something that is not touched.
"""

import os
from collections.abc import Mapping

from ambient_components.errors import BadValue, Problems
from ambient_components.shards.hold import Held, held_of


def held_workspaces(problems: Problems, environ: Mapping[str, str] = os.environ) -> Held:
    """What is held; empty, where nothing is.

    Args:
        problems: takes a variable of another form.
        environ: of the run.
    """
    try:
        return held_of(environ)
    except BadValue as error:
        problems.add(None, "", error.problem, error.hints)
        return {}


def is_exported(held: Held, workspace: str, key_id: str) -> bool:
    """Whether a key's token is an output: of one that is held and not made yet the engine would write a placeholder."""
    return workspace not in held or key_id in held[workspace]
