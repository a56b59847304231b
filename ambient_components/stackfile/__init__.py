"""The stack file: YAML to frozen models, all problems with line and column."""

from ambient_components.model.grants import Grant
from ambient_components.model.guardrails import Guardrail, GuardrailException, Guardrails, StackException
from ambient_components.model.keys import Key, KeyDefaults
from ambient_components.model.limits import NetworkPeer
from ambient_components.model.schedules import Schedule
from ambient_components.model.settings import McpServer, Settings
from ambient_components.model.sources import SecretRef, Secrets, Source
from ambient_components.model.stack import Defaults, StackFile, Workspace
from ambient_components.model.storage import Bucket, BucketCredentials
from ambient_components.stackfile.loader import LoadedStack, Review, load_stack, parse_stack, review_stack

__all__ = [
    "Bucket",
    "BucketCredentials",
    "Defaults",
    "Grant",
    "Guardrail",
    "GuardrailException",
    "Guardrails",
    "Key",
    "KeyDefaults",
    "LoadedStack",
    "McpServer",
    "NetworkPeer",
    "Review",
    "Schedule",
    "SecretRef",
    "Secrets",
    "Settings",
    "Source",
    "StackException",
    "StackFile",
    "Workspace",
    "load_stack",
    "parse_stack",
    "review_stack",
]
