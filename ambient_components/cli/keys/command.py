"""`ambient keys`: list keys, deliver them, and rotate or revoke them in the stack's files."""

from typing import Final

import typer

from ambient_components.cli.keys import deliver, list, revoke, rotate, show

_EPILOG: Final = """\
\b
lifecycle of a key:
  ambient keys list                                     list all keys, and what needs attention
  ambient keys show prod payments/ci                    print a key, and who else can read it
  ambient keys deliver prod payments/ci -- gh secret set AMBIENT_KEY
  ambient keys rotate prod payments/ci                  new identity; the old one stays valid for some days
  ambient keys rotate prod payments/ci --leaked --now   new identity; the old one is revoked now
  ambient keys revoke prod payments/ci                  revoke the key
"""

app: Final = typer.Typer(
    help="List, show, deliver, rotate and revoke API keys.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
app.command("list", epilog=list.EPILOG)(list.list_keys)
app.command(epilog=show.EPILOG)(show.show)
app.command(epilog=deliver.EPILOG)(deliver.deliver)
app.command(epilog=rotate.EPILOG)(rotate.rotate)
app.command(epilog=revoke.EPILOG)(revoke.revoke)
