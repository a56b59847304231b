"""Rules for API keys: lifetimes, storage and delivery of their tokens, and allowed combinations."""

import re
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from ambient_components.platform.contract import Role
from ambient_components.rules.findings import Verdict
from ambient_components.rules.secrets import namespace_problem


class Retain(StrEnum):
    """Where a key's token is stored."""

    STATE = "state"
    """In the stack's state and outputs, encrypted."""

    NONE = "none"
    """Only in the Secret that it is delivered to."""


def server_problem(address: str) -> Verdict:
    if re.fullmatch(r"https://[^\s/@]+", address):
        return None
    return f"{address!r} is not the address of an API server", "allowed: https://HOST or https://HOST:PORT"


def is_loopback(address: str) -> bool:
    """Return whether an address is of the machine itself."""
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def default_server_problem(address: str) -> bool:
    """Return whether users of a key must not get the deployer's own address, which may have a path."""
    url = urlsplit(address)
    problem = server_problem(f"{url.scheme}://{url.netloc}") is not None
    return problem and ("@" in url.netloc or not is_loopback(address))


def certificates_problem(text: str) -> Verdict:
    if re.fullmatch(r"(-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+\n-----END CERTIFICATE-----\s*)+", text):
        return None
    return "is no list of certificates", "allowed: PEM, -----BEGIN CERTIFICATE----- and what follows"


def endless_problem(role: object) -> Verdict:
    if role != Role.ADMIN:
        return None
    return (
        "is a key of role admin that never expires",
        "give it a lifetime, or another role: anyone who finds it could do anything here for ever",
    )


def delivery_problem(namespace: str, workspace: str, platform: str = "") -> Verdict:
    if verdict := namespace_problem(namespace, platform):
        return f"{verdict[0]}, where no key is delivered to", verdict[1]
    if namespace == workspace:
        return (
            "is the workspace itself, where every session could read the key",
            "name a namespace that is no workspace",
        )
    return None
