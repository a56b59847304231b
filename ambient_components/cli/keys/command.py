"""`ambient keys`: list keys, deliver them, and rotate or revoke them in the stack's files."""

from typing import Final

from ambient_components.cli.keys import deliver, list, revoke, rotate, show
from ambient_components.cli.options import group

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

app: Final = group(
    "List, show, deliver, rotate and revoke API keys.",
    _EPILOG,
    {
        "list": (list.list_keys, list.EPILOG),
        "show": (show.show, show.EPILOG),
        "deliver": (deliver.deliver, deliver.EPILOG),
        "rotate": (rotate.rotate, rotate.EPILOG),
        "revoke": (revoke.revoke, revoke.EPILOG),
    },
)
