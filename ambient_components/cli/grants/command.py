"""`ambient grants`: list grants, and add or revoke them in the stack's files."""

from typing import Final

import typer

from ambient_components.cli.grants import add, list, revoke

_EPILOG: Final = """\
\b
a user's access:
  ambient grants list prod --subject user:bob@example.com
  ambient grants add prod payments user:bob@example.com --role edit
  ambient grants revoke prod user:bob@example.com payments --now       end it now
  ambient grants revoke prod user:bob@example.com --all --owners --now    a person leaves
"""

app: Final = typer.Typer(
    help="List, add and revoke grants.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
app.command("list", epilog=list.EPILOG)(list.list_grants)
app.command(epilog=add.EPILOG)(add.add)
app.command(epilog=revoke.EPILOG)(revoke.revoke)
