"""A real engine, API server and object store on this machine, without Docker, an image registry or a cluster.

It is not part of the product. `make up` and the engine tests use it if no cluster is available. Installed programs
(`pulumi`, its Kubernetes plugin, `versitygw`, `KUBEBUILDER_ASSETS`) are used; all others are downloaded, or built from
Go modules, once, into the user's cache.
"""
