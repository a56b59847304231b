"""The server side: the ``ambient`` plugin, which the engine starts and talks to over gRPC.

One file a resource, one a concern of the protocol. It imports the pure rules and nothing else of the package: what a
program declares reaches it as plain values.
"""
