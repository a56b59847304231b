"""The stack file: YAML to frozen models, all problems with line and column."""

from ambient_components.model.grants import Grant
from ambient_components.model.guardrails import Guardrail, GuardrailException, Guardrails, StackException
from ambient_components.model.keys import Key, KeyDefaults
from ambient_components.model.limits import ContainerLimits, Limits, Network, NetworkPeer
from ambient_components.model.schedules import Schedule
from ambient_components.model.settings import CaBundle, McpServer, McpServers, OnClose, Settings
from ambient_components.model.sources import OnDrift, SecretRef, Secrets, Source
from ambient_components.model.stack import Defaults, StackFile, Workspace
from ambient_components.model.storage import Bucket, BucketCredentials, Storage
from ambient_components.stackfile.layers import Origin
from ambient_components.stackfile.loader import LoadedStack, Review, load_stack, parse_stack, review_stack
from ambient_components.stackfile.yaml.positions import SourceMap

__all__ = [
    "Bucket",
    "BucketCredentials",
    "CaBundle",
    "ContainerLimits",
    "Defaults",
    "Grant",
    "Guardrail",
    "GuardrailException",
    "Guardrails",
    "Key",
    "KeyDefaults",
    "Limits",
    "LoadedStack",
    "McpServer",
    "McpServers",
    "Network",
    "NetworkPeer",
    "OnClose",
    "OnDrift",
    "Origin",
    "Review",
    "Schedule",
    "SecretRef",
    "Secrets",
    "Settings",
    "Source",
    "SourceMap",
    "StackException",
    "StackFile",
    "Storage",
    "Workspace",
    "load_stack",
    "parse_stack",
    "review_stack",
]
