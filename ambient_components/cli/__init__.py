"""The ``ambient`` command, for what Pulumi's own command line can't do. One small file for each verb.

A verb imports its dependencies when it runs, so ``ambient --help`` does not wait for a Kubernetes client.
"""

import sys

from ambient_components.collector import collect_rarely

__all__ = ["main"]


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 error, 64 wrong usage, 130 Ctrl-C."""
    collect_rarely()
    from ambient_components.cli.app import run  # noqa: PLC0415  # so that importing a module of it needs no typer

    sys.exit(run(sys.argv[1:]))
