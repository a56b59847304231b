"""From a stack file to components: the place where models, config and Pulumi meet."""

import sys

from ambient_components.collector import collect_rarely


def run() -> None:
    """Declare ``stacks/<stack>.yaml``. What is wrong with it is reported without a traceback."""
    collect_rarely()  # first, as imports are half of what a short run costs
    # Commands read files with this package, and never wait for Pulumi's SDK.
    import pulumi  # noqa: PLC0415

    from ambient_components.program.workspaces import run as declare  # noqa: PLC0415

    try:
        declare()
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        # 32 means that the error was reported. With any other code the engine adds "an unhandled error occurred".
        sys.exit(32)
