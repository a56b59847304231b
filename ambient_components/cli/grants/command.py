"""`ambient grants`: list grants, and revoke them in the stack's files."""

from typing import Final

from ambient_components.cli.grants import list, revoke
from ambient_components.cli.options import group

_EPILOG: Final = """\
\b
a user's access:
  ambient grants list prod --subject user:bob@example.com
  ambient grants revoke prod user:bob@example.com payments --now       end it now
  ambient grants revoke prod user:bob@example.com --all --owners --now    a person leaves
"""

app: Final = group(
    "List and revoke grants.",
    _EPILOG,
    {
        "list": (list.list_grants, list.EPILOG),
        "revoke": (revoke.revoke, revoke.EPILOG),
    },
)
