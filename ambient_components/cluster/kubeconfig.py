"""Facts about a kubeconfig that need no client, shared by the command line and the provider.

They are in one place because a mistake here could print a token.
"""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit


def what_is_wrong(text: str) -> str:
    """Describe an exception of the kubernetes client without quoting it.

    Its messages quote whole entries of the file, including tokens.
    """
    if match := re.search(r"Expected object with name (\S+) in", text):
        return f"there is no {match[1]} in it"
    if match := re.search(r"Expected key (\S+) in", text):
        return f"an entry in it has no {match[1]!r}"
    if "No configuration found" in text or ("has no" in text and "configuration" in text):
        return "there is no such file, or nothing in it"
    return "it can't be read as a kubeconfig"


def is_loopback(host_url: str) -> bool:
    """Return whether a server is on this machine.

    Go, and so kubectl, never uses a proxy for such a server. The kubernetes client does unless NO_PROXY excludes it,
    and then reaches the proxy's own loopback.
    """
    try:
        host = urlsplit(host_url if "://" in host_url else f"//{host_url}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
