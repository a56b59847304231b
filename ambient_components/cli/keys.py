"""`ambient keys`: list keys, deliver them, and rotate or revoke them in the stack's files."""

from typing import Final

import typer

from ambient_components.cli import keys_deliver, keys_list, keys_revoke, keys_rotate, keys_show

_EPILOG: Final = """\
\b
a key's life:
  ambient keys list                                     all of them, and what needs attention
  ambient keys show prod payments/ci                    print one, and who else can read it
  ambient keys deliver prod payments/ci -- gh secret set AMBIENT_KEY
  ambient keys rotate prod payments/ci                  a new identity; the old one works on for some days
  ambient keys rotate prod payments/ci --leaked --now   a new identity; the old one ends now
  ambient keys revoke prod payments/ci                  take the key away
"""

app: Final = typer.Typer(
    help="API keys: list, show, deliver, rotate, revoke.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
app.command("list", epilog=keys_list.EPILOG)(keys_list.list_keys)
app.command(epilog=keys_show.EPILOG)(keys_show.show)
app.command(epilog=keys_deliver.EPILOG)(keys_deliver.deliver)
app.command(epilog=keys_rotate.EPILOG)(keys_rotate.rotate)
app.command(epilog=keys_revoke.EPILOG)(keys_revoke.revoke)
