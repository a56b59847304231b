"""The stack file: YAML to frozen models, all problems with line and column."""

from ambient_components.spec.keys import Key, KeyDefaults
from ambient_components.spec.limits import ContainerLimits, Limits, Network, NetworkPeer
from ambient_components.spec.loader import LoadedStack, Review, load_stack, parse_stack, review_stack
from ambient_components.spec.marks import SourceMap
from ambient_components.spec.models import Defaults, Grant, StackFile, Workspace
from ambient_components.spec.on_close import OnClose
from ambient_components.spec.provenance import Origin
from ambient_components.spec.rails import Allowance, Rail, Rails, StackAllowance
from ambient_components.spec.settings import CaBundle, McpServer, McpServers, Settings
from ambient_components.spec.sources import OnDrift, SecretRef, Secrets, Source
from ambient_components.spec.storage import Bucket, BucketCredentials, Storage

__all__ = [
    "Allowance",
    "Bucket",
    "BucketCredentials",
    "CaBundle",
    "ContainerLimits",
    "Defaults",
    "Grant",
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
    "Rail",
    "Rails",
    "Review",
    "SecretRef",
    "Secrets",
    "Settings",
    "Source",
    "SourceMap",
    "StackAllowance",
    "StackFile",
    "Storage",
    "Workspace",
    "load_stack",
    "parse_stack",
    "review_stack",
]
