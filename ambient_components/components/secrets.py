"""A workspace's Secret of fixed name, as the platform's settings page makes it."""

import base64
from collections.abc import Mapping

import pulumi
import pulumi_kubernetes.core.v1 as core

from ambient_components.components.forced import FORCED
from ambient_components.contract import APP_LABEL, RUNNER_SECRET_ANNOTATION


def workspace_secret(
    name: str,
    namespace: str,
    object_name: str,
    app: str,
    values: Mapping[str, pulumi.Input[str]],
    opts: pulumi.ResourceOptions,
) -> core.Secret:
    """A Secret whose values are secret in state and in every display, whatever they were given as."""
    return core.Secret(
        name,
        metadata={
            "name": object_name,
            "namespace": namespace,
            "labels": {APP_LABEL: app},
            "annotations": {**FORCED, RUNNER_SECRET_ANNOTATION: "true"},
        },
        type="Opaque",
        # `data`, not `stringData`: the server never returns the latter, so a change by hand would not be seen.
        data={key: pulumi.Output.secret(value).apply(_encoded) for key, value in values.items()},
        opts=opts,
    )


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
