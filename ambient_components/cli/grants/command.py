"""`ambient grants`: list grants, and add or revoke them in the stack's files."""

from typing import Final

from ambient_components.cli.grants import add, list, revoke
from ambient_components.cli.options import group

_EPILOG: Final = """\
\b
a user's access:
  ambient grants list prod --subject user:bob@example.com
  ambient grants add prod payments user:bob@example.com --role edit
  ambient grants revoke prod user:bob@example.com payments --now       end it now
  ambient grants revoke prod user:bob@example.com --all --owners --now    a person leaves
"""

app: Final = group(
    "List, add and revoke grants.",
    _EPILOG,
    {
        "list": (list.list_grants, list.EPILOG),
        "add": (add.add, add.EPILOG),
        "revoke": (revoke.revoke, revoke.EPILOG),
    },
)
