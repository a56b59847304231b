"""The server side: the ``ambient`` plugin, which the engine starts and calls over gRPC.

One file per resource and per concern of the protocol. It imports only the pure rules of the package: a program's
declarations arrive as plain values.
"""
