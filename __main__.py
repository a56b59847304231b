"""The Pulumi program: declares stacks/<stack>.yaml. All of it is in ambient_components."""

from ambient_components.fleet import run

run()
