"""The Pulumi program: declare stacks/<stack>.yaml. All of it is in the package."""

from ambient_components.program import run

run()
