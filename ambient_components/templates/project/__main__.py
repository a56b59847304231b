"""The Pulumi program: declare stacks/<stack>.yaml. All of it is in the package."""

import sys

import pulumi

from ambient_components.collector import collect_rarely

collect_rarely()  # first, as imports are half of what a short run costs
from ambient_components.program.main import run  # noqa: E402

try:
    run()
except pulumi.RunError as error:
    pulumi.log.error(str(error))
    # 32 means that the error was reported. With any other code the engine adds "an unhandled error occurred".
    sys.exit(32)
