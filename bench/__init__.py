"""The cost of our components: the same workspaces as our stack and as a plain Pulumi program.

It is not a test: it reports ratios, and fails only if contenders create different objects. See
docs/internals/performance-figures.md.
"""
