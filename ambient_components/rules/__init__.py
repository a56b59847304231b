"""The rules for declarations, each defined once for the stack file, the components, the plugin and the reports.

One module per noun. Pure functions: plain values in, findings out. The stack file adds positions, the components and
the plugin add the name of the resource.
"""
