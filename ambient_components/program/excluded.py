"""Excluded workspaces in the program: what changes for those that `ambient up` excludes from this run of a shard.

They are declared like all others, so the stack keeps their outputs. Flags tell the engine to leave their resources
alone. A problem of an excluded workspace, such as a missing secret, does not stop the program: the value is unknown,
and the resource that uses it is not touched.
"""

import os
from collections.abc import Mapping

from ambient_components.errors import BadValue, Problems
from ambient_components.shards.excluded import Excluded, excluded_of


def excluded_workspaces(problems: Problems, environ: Mapping[str, str] = os.environ) -> Excluded:
    """Return the excluded workspaces with the ids of their exported keys.

    Args:
        problems: Collects an invalid environment variable.
        environ: The environment of the run.
    """
    try:
        return excluded_of(environ)
    except BadValue as error:
        problems.add(None, "", error.problem, error.hints)
        return {}


def is_exported(excluded: Excluded, workspace: str, key_id: str) -> bool:
    """Tell whether to export a key's token.

    For a key of an excluded workspace that does not exist yet, the engine would export a placeholder.
    """
    return workspace not in excluded or key_id in excluded[workspace]
