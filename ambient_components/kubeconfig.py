"""What can be told of a kubeconfig without a client, for the command line and the provider alike.

Here rather than in one of them, as neither imports the other, and a slip in either would tell a token.
"""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit


def what_is_wrong(text: str) -> str:
    """The kubernetes client's complaint in our words.

    Its own are never shown: they quote whole entries of the file, with the tokens in them.
    """
    if match := re.search(r"Expected object with name (\S+) in", text):
        return f"there is no {match[1]} in it"
    if match := re.search(r"Expected key (\S+) in", text):
        return f"an entry in it has no {match[1]!r}"
    if "No configuration found" in text or ("has no" in text and "configuration" in text):
        return "there is no such file, or nothing in it"
    return "it can't be read as a kubeconfig"


def is_loopback(host_url: str) -> bool:
    """Whether a server is on this machine: Go, and so kubectl, sends nothing to it through a proxy.

    The kubernetes client does unless NO_PROXY says otherwise, and then finds the proxy's own loopback.
    """
    try:
        host = urlsplit(host_url if "://" in host_url else f"//{host_url}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
