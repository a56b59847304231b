"""A grant and a key in a workspace that was made elsewhere, such as in the platform's UI.

The program has no access ledger, so no guardrail evaluates what it gives. It says so: `unguarded`.
"""

import pulumi

from ambient_components import ApiKey, ClusterProviders, Grant

cluster = ClusterProviders.of("cluster", unguarded=True)
opts = pulumi.ResourceOptions(providers=cluster.both)

Grant("auditors", namespace="team-a", group="auditors", role="view", opts=opts)
key = ApiKey("nightly", namespace="team-a", id="nightly", role="view", opts=opts)
pulumi.export("nightly", key.token)
