"""The Pulumi program: declares stacks/<stack>.yaml. All of it is in the package."""

import sys

import pulumi

from ambient_components.program.main import run

try:
    run()
except pulumi.RunError as error:
    pulumi.log.error(str(error))
    # 32 means that the error was reported. With any other code the engine adds "an unhandled error occurred".
    sys.exit(32)
