"""Entry point of the plugin: the program ``pulumi-resource-ambient``, which the engine starts with its address."""

import sys

from ambient_components._version import VERSION
from ambient_components.collector import collect_rarely
from ambient_components.warm.client import hand_over
from ambient_components.warm.protocol import PLUGIN


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.stderr.write(
            f"pulumi-resource-ambient {VERSION}: the ambient plugin, which the Pulumi engine starts.\n"
            "To see that the engine finds it: pulumi package get-schema $(command -v pulumi-resource-ambient)\n"
        )
        sys.exit(0 if len(sys.argv) > 1 else 2)
    if sys.argv[1] == "--version":
        sys.stdout.write(VERSION + "\n")
        return
    if (code := hand_over(PLUGIN)) is not None:
        sys.exit(code)
    collect_rarely()
    # Only here: with a fork server, asyncio alone would be half of what this process costs.
    from ambient_components.provider.serving import serve_until_engine_is_gone  # noqa: PLC0415

    # The engine's address is the last argument, after optional flags (--logtostderr, -v=9, --tracing URL).
    try:
        serve_until_engine_is_gone(sys.argv[-1])
    except KeyboardInterrupt:
        # The engine ends its plugins with SIGINT. A user's Ctrl-C does not reach their own process groups.
        return


if __name__ == "__main__":
    main()
