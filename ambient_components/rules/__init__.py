"""What may be declared, each rule once: the stack file, the components, the plugin and the reports all read it here.

One module a noun. Pure: plain values in, findings out. The stack file adds positions, the components and the plugin add
the name of the resource.
"""
