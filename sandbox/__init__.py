"""A real engine, API server and object store on this machine, without Docker, a registry of images or a cluster.

Nothing here is part of the product: it is what `make up` and the engine tests run against where no cluster is at hand.
A machine that already has `pulumi`, its Kubernetes plugin, `versitygw` or `KUBEBUILDER_ASSETS` keeps them; the rest is
built from Go modules, once, into the user's cache.
"""
