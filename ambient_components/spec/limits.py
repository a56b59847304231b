"""What a workspace may use: resources of its containers, a quota, and whom its sessions may talk to."""

from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    WithJsonSchema,
    model_validator,
)
from pydantic.config import JsonDict

from ambient_components.errors import BadValue
from ambient_components.quantities import QUANTITY_FORMS, QUANTITY_PATTERN, parse_quantity
from ambient_components.rules.limits import (
    CONTAINER_RESOURCES,
    PORT_MAX,
    Protocol,
    cidr_problem,
    peer_problem,
    protocol_problem,
)
from ambient_components.spec.base import KIND, Model, choice, is_scalar, refuse, text_schema, type_name
from ambient_components.spec.types import Flag, NamespaceName, Text


def _quantity(value: object) -> str:
    if not is_scalar(value):
        refuse(f"is {type_name(value)}", f"allowed: {QUANTITY_FORMS}")
    try:
        return str(parse_quantity(value))
    except BadValue as error:
        refuse(error.problem, error.hints)


def _protocol(value: object) -> object:
    return choice(value, Protocol, "protocol")


def _cidr(value: str) -> str:
    if verdict := cidr_problem(value):
        refuse(*verdict)
    return value


QuantityText = Annotated[
    str,
    BeforeValidator(_quantity),
    WithJsonSchema({"type": ["string", "number"], KIND: "quantity", "pattern": f"^{QUANTITY_PATTERN}$", "minimum": 0}),
]
"""A Kubernetes quantity, in canonical form once read: 1000m is kept as 1."""

ProtocolName = Annotated[Protocol, BeforeValidator(_protocol)]
"""TCP or UDP."""

Cidr = Annotated[StrictStr, AfterValidator(_cidr), text_schema("network", "[0-9a-fA-F.:]+/[0-9]{1,3}")]
"""A network: an address and a mask."""

Port = Annotated[StrictInt, Field(ge=1, le=PORT_MAX)]
"""A port."""

_RESOURCES: JsonDict = {"propertyNames": {"enum": list(CONTAINER_RESOURCES)}}


class ContainerLimits(Model):
    """Limits of each container, over those that the platform's operator would set. Contract 4.

    Each is a mapping of cpu, memory or ephemeral-storage to a quantity; min ≤ defaultRequest ≤ default ≤ max.
    """

    default_request: dict[Text, QuantityText] = Field(default={}, json_schema_extra=_RESOURCES)
    """What a container asks for that says nothing itself, such as `{cpu: 250m, memory: 256Mi}`."""

    default: dict[Text, QuantityText] = Field(default={}, json_schema_extra=_RESOURCES)
    """The limit of a container that says nothing itself."""

    min: dict[Text, QuantityText] = Field(default={}, json_schema_extra=_RESOURCES)
    """The least that a container may ask for."""

    max: dict[Text, QuantityText] = Field(default={}, json_schema_extra=_RESOURCES)
    """The most that a container may have."""


class NetworkPeer(Model):
    """Whom sessions may talk to: exactly one of a `cidr` and a `namespace`."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"title": "a network", "required": ["cidr"]}, {"title": "a namespace", "required": ["namespace"]}]
        }
    )

    cidr: Cidr | None = None
    """A network, such as 10.20.0.0/16."""

    namespace: NamespaceName | None = None
    """All pods of a namespace of this cluster."""

    ports: list[Port] = []
    """Ports; all if left out."""

    protocol: ProtocolName = Protocol.TCP
    """TCP or UDP, for `ports`; TCP if left out."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if verdict := peer_problem(self.given("cidr", "namespace")):
            refuse(*verdict)
        if verdict := protocol_problem(self.protocol, self.ports):
            refuse(*verdict)
        return self


class Network(Model):
    """Whom the workspace's pods may talk to. What sessions need from the platform is always allowed."""

    isolate: Flag = True
    """Whether pods may talk only to what is allowed here, and take calls from the platform alone; true if left out."""

    allow: list[NetworkPeer] = []
    """Whom pods may also talk to."""


class Limits(Model):
    """What the pods of a workspace may use and reach."""

    containers: ContainerLimits | None = None
    """Limits of each container; the platform's own if left out."""

    quota: dict[Text, QuantityText] = Field(default={}, examples=[{"requests.cpu": "20", "pods": "50"}])
    """Most of a resource in the whole namespace, such as `{requests.cpu: 20, pods: 50}`."""

    network: Network | None = None
    """Whom pods may talk to; everybody if left out."""
