"""The network of the nodes: a namespace for each, joined by a bridge in one more, and one veth pair to this machine.

Nothing else of this machine's network changes: no rule, no setting, and no address but that of the veth device.
"""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

from sandbox.errors import SandboxError

VETH = "ambient-nodes"
"""This machine's end of the veth pair."""

MACHINE = "10.199.0.1"
"""This machine, as nodes and pods reach it."""

OUTSIDE = "203.0.113.1"
"""This machine under an address that counts as internet (RFC 5737), for network policies."""

PODS = "10.244.0.0/16"
SERVICES = "10.0.0.0/24"
"""The API server's range for Services (`sandbox.commands`)."""

DNS = "10.0.0.10"
COUNT = 3

_BRIDGE = "ambient-bridge"
"""The network namespace of the bridge."""


def namespace(number: int) -> str:
    """Return the name of a node's network namespace."""
    return f"ambient-node-{number}"


def address(number: int) -> str:
    """Return a node's address."""
    return f"10.199.0.{10 + number}"


def pods_of(number: int) -> str:
    """Return the range of a node's pods."""
    return f"10.244.{number}.0/24"


def present() -> bool:
    """Whether a network of nodes is there, of this sandbox or another one."""
    return Path(f"/run/netns/{_BRIDGE}").exists()


def make() -> None:
    """Make the network.

    Raises:
        SandboxError: One is there already, or the kernel refuses it.
    """
    if present():
        message = (
            "Another sandbox of this machine has nodes, or left them: stop them there with `make down`, or take away "
            "what a killed run left with `python -m sandbox.nodes.network`."
        )
        raise SandboxError(message)
    try:
        _make()
    except BaseException:
        remove()
        raise


def _make() -> None:
    _ip(f"netns add {_BRIDGE}")
    _ip(f"-n {_BRIDGE} link add bridge type bridge")
    _ip(f"-n {_BRIDGE} link set bridge up")
    _ip(f"link add {VETH} type veth peer name machine netns {_BRIDGE}")
    _join("machine")
    for own_address in (f"{MACHINE}/24", f"{OUTSIDE}/32"):
        _ip(f"address add {own_address} dev {VETH}")
    _ip(f"link set {VETH} up")
    for number in range(1, COUNT + 1):
        own = namespace(number)
        _ip(f"netns add {own}")
        _ip(f"-n {own} link add eth0 type veth peer name node-{number} netns {_BRIDGE}")
        _join(f"node-{number}")
        _ip(f"-n {own} address add {address(number)}/24 dev eth0")
        for link in ("lo", "eth0"):
            _ip(f"-n {own} link set {link} up")
        _ip(f"-n {own} route add default via {MACHINE}")
        _ip(f"route add {pods_of(number)} via {address(number)}")
    for number in range(1, COUNT + 1):
        for other in set(range(1, COUNT + 1)) - {number}:
            _ip(f"-n {namespace(number)} route add {pods_of(other)} via {address(other)}")


def remove() -> None:
    """Remove the network, as far as it is there. Its links and routes go with the namespaces."""
    for name in (*(namespace(number) for number in range(1, COUNT + 1)), _BRIDGE):
        with suppress(SandboxError):
            _ip(f"netns delete {name}")
    with suppress(SandboxError):
        _ip(f"link delete {VETH}")  # the kernel may take it away a moment later


def _join(end: str) -> None:
    """Join a veth device to the bridge."""
    _ip(f"-n {_BRIDGE} link set {end} master bridge")
    _ip(f"-n {_BRIDGE} link set {end} up")


def _ip(words: str) -> None:
    done = subprocess.run(["ip", *words.split()], capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"ip {words}: {done.stderr.strip()}"
        raise SandboxError(message)


if __name__ == "__main__":
    remove()
