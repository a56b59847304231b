"""The provider resource: one cluster and its object store."""

from typing import Any

import pulumi

from ambient_components.model.clusters import SECRET_SETTINGS
from ambient_components.resources.attributes import SnakeCaseAttributes
from ambient_components.resources.inputs import ProviderArgs


class Provider(SnakeCaseAttributes, pulumi.ProviderResource):
    """An instance of the ``ambient`` plugin."""

    def __init__(self, name: str, args: ProviderArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        props: dict[str, Any] = dict(args or {})
        unguarded = props.pop("unguarded", None)
        if unguarded not in (None, True, False):
            msg = "unguarded: True or False is expected"  # a text such as "false" must not switch guardrails off
            raise ValueError(msg)
        self.unguarded = unguarded is True
        if self.unguarded:
            props["unguarded"] = "true"  # settings of providers are texts
        for name_of_secret in SECRET_SETTINGS:
            if props.get(name_of_secret) is not None:
                props[name_of_secret] = pulumi.Output.secret(props[name_of_secret])
        self.declared_uid = props.get("clusterUid")
        super().__init__("ambient", name, props, opts)
