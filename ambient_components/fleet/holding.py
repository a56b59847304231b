"""Excluded workspaces in the program: what changes for those that `ambient up` excludes from this run of a shard.

They are declared like all others, so the stack keeps their outputs. Flags tell the engine to leave their resources
alone. A problem of an excluded workspace, such as a missing secret, does not stop the program: the value is unknown,
and the resource that uses it is not touched.
"""

import os
from collections.abc import Iterable, Mapping

from ambient_components.errors import Problem, Problems
from ambient_components.shards.hold import Held, held_of, others


def held_workspaces(problems: Problems, environ: Mapping[str, str] = os.environ) -> Held:
    """Return the excluded workspaces with the ids of their exported keys.

    Args:
        problems: Collects an invalid environment variable.
        environ: The environment of the run.
    """
    try:
        return held_of(environ)
    except ValueError as error:
        problem, _, remedy = str(error).partition(": ")
        problems.add(None, "", problem, remedy)
        return {}


def standing(found: Iterable[Problem], held: Held) -> list[Problem]:
    """Return the problems that are not only about excluded workspaces.

    Args:
        found: Problems of single workspaces.
        held: The excluded workspaces.
    """
    return [problem for problem in found if others([str(problem)], held)]


def is_exported(held: Held, workspace: str, key_id: str) -> bool:
    """Tell whether to export a key's token.

    For a key of an excluded workspace that does not exist yet, the engine would export a placeholder.
    """
    return workspace not in held or key_id in held[workspace]
