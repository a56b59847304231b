"""The Pulumi program: declares stacks/<stack>.yaml. All of it is in the package."""

import sys

import pulumi

from ambient_components.fleet.program import run

try:
    run()
except pulumi.RunError as error:
    pulumi.log.error(str(error))
    # "All is said": with any other code the engine adds that an unhandled error occurred.
    sys.exit(32)
