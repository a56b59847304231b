"""The guard: admission policies with which the cluster itself refuses what no page and no run would do. Pure.

The YAML files of this folder are its source: `shared.yaml` has common expressions, each other file is one policy of
`rules.guard.POLICIES`, to be read in a review. `source` reads them, `manifest` renders the objects that a cluster admin
applies. Kubernetes 1.30 is the first version that serves them without a feature gate.
"""
