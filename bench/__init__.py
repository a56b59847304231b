"""What our components cost: the same workspaces as a stack of ours and as a plain Pulumi program, side by side.

Not a test: it prints ratios and passes or fails nothing but "both made the same objects". See docs/performance.md.
"""
