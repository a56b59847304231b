"""How the platform is installed on a stack's cluster, by the stack's config: its address, its login and its parts."""

from typing import Final
from urllib.parse import urlsplit

from ambient_components.rules.findings import Verdict

PLATFORM_URL: Final = "platformUrl"
"""Key of the stack's config: address under which the platform's backend takes API keys. The default is unknown."""

SSO: Final = "sso"
"""Key of the stack's config: `true` if the platform logs users in by single sign-on, with JWTs of its own provider."""

API_SERVER: Final = "ambientApiServer"
"""Key of the stack's config: `true` if the platform's API server and control plane (V2) run beside its backend."""

ACCESS_TESTS: Final = "accessTests"
"""Key of the stack's config: the digest of the approved access tests."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def platform_url_problem(url: object) -> Verdict:
    """Return problem and remedy of the platform's address; None if it is valid. It is not quoted: it may be a secret.

    Plain HTTP is accepted on this machine only, because requests have a key in their header.
    """
    allowed = "allowed: https://HOST, with a port or a path where needed"
    try:
        parts = urlsplit(url) if isinstance(url, str) and url.isprintable() and " " not in url else None
        valid = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)
        parts = parts if valid and parts is not None and (parts.port is None or parts.port > 0) else None
    except ValueError:
        parts = None
    if parts is None:
        return "is not an address of the web", allowed
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        return "has more than a host, a port and a path", allowed
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        return "is not encrypted, and every request to it has a key in its header", allowed
    return None


def sessions_url(platform_url: str, workspace: str) -> str:
    """Return the address at which the platform lists and creates a workspace's sessions. Contract 1.5."""
    return f"{platform_url.rstrip('/')}/api/projects/{workspace}/agentic-sessions"
