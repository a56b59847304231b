"""Limits of a workspace: container resources, a quota, and network destinations."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Self

from pydantic import (
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
from ambient_components.model.base import KIND, Model, checked, is_scalar, one_of, refuse, text_schema, type_name
from ambient_components.model.marks import OUTPUT, sent
from ambient_components.model.messages import spelled
from ambient_components.model.types import Flag, NamespaceName, Text
from ambient_components.rules.findings import Finding
from ambient_components.rules.limits import (
    CONTAINER_RESOURCES,
    PORT_MAX,
    Protocol,
    cidr_problem,
    limit_findings,
)
from ambient_components.rules.quantities import QUANTITY_FORMS, QUANTITY_PATTERN, parse_quantity


def _quantity(value: object) -> str:
    if not is_scalar(value):
        refuse(f"is {type_name(value)}", f"allowed: {QUANTITY_FORMS}")
    try:
        return str(parse_quantity(value))
    except BadValue as error:
        refuse(error.problem, error.hints)


QuantityText = Annotated[
    str,
    BeforeValidator(_quantity),
    WithJsonSchema({"type": ["string", "number"], KIND: "quantity", "pattern": f"^{QUANTITY_PATTERN}$", "minimum": 0}),
]
"""A Kubernetes quantity, converted to canonical form: 1000m becomes 1."""

ProtocolName = Annotated[Protocol, one_of(Protocol, "protocol")]
"""TCP or UDP."""

Cidr = Annotated[StrictStr, checked(cidr_problem), text_schema("network", "[0-9a-fA-F.:]+/[0-9]{1,3}")]
"""A network: an address and a mask."""

Port = Annotated[StrictInt, Field(ge=1, le=PORT_MAX)]
"""A port."""

_RESOURCES: JsonDict = {"propertyNames": {"enum": list(CONTAINER_RESOURCES)}}


class ContainerLimits(Model):
    """Limits of each container, over those of the platform's operator. Contract 4.

    Each is a mapping of cpu, memory or ephemeral-storage to a quantity; min ≤ defaultRequest ≤ default ≤ max.
    """

    default_request: Annotated[dict[Text, QuantityText], sent("object")] = Field(
        default={}, json_schema_extra=_RESOURCES
    )
    """Request of a container that sets none, such as `{cpu: 250m, memory: 256Mi}`."""

    default: Annotated[dict[Text, QuantityText], sent("object")] = Field(default={}, json_schema_extra=_RESOURCES)
    """Limit of a container that sets none."""

    min: Annotated[dict[Text, QuantityText], sent("object")] = Field(default={}, json_schema_extra=_RESOURCES)
    """Minimum request of a container."""

    max: Annotated[dict[Text, QuantityText], sent("object")] = Field(default={}, json_schema_extra=_RESOURCES)
    """Maximum limit of a container."""


class NetworkPeer(Model):
    """A destination that sessions may reach: either a `cidr` or a `namespace`."""

    example: ClassVar[str] = "{cidr: 10.0.0.0/8}"
    other_example: ClassVar[str] = "{namespace: NAME}"

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
    """Ports. Default: all."""

    protocol: ProtocolName = Protocol.TCP
    """TCP or UDP, for `ports`. Default: TCP."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = self.given("cidr", "namespace")
        if len(given) != 1:
            problem = "has a cidr and a namespace" if given else "has neither a cidr nor a namespace"
            refuse(problem, "allowed: exactly one of them, as {cidr: 10.0.0.0/8} or {namespace: NAME}")
        if self.protocol is Protocol.UDP and not self.ports:
            remedy = "name the ports: without them all are allowed, of TCP and UDP alike"
            refuse("has a protocol without ports", remedy)
        return self


class Network(Model):
    """Network isolation of the workspace's pods. What sessions need from the platform is always allowed."""

    isolate: Flag = True
    """Whether pods reach only the destinations in `allow`, and are reachable only from the platform. Default: true."""

    allow: list[NetworkPeer] = []
    """Further destinations that pods may reach."""


class Limits(Model):
    """Limits of a workspace's pods."""

    example: ClassVar[str] = "{quota: {pods: 50}}"

    containers: ContainerLimits | None = None
    """Limits of each container. Default: the platform's own."""

    quota: dict[Text, Annotated[QuantityText, OUTPUT]] = Field(
        default={}, examples=[{"requests.cpu": "20", "pods": "50"}]
    )
    """Maximum of a resource in the whole namespace, such as `{requests.cpu: 20, pods: 50}`."""

    network: Network | None = None
    """Network isolation. Default: none."""

    def findings(self) -> Iterator[Finding]:
        """Find what is wrong with quantities, and peers that have no effect."""
        declared = self.model_dump(by_alias=True, exclude_unset=True, warnings=False)
        yield from spelled(limit_findings(declared), type(self))
