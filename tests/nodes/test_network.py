"""The network policies of `limits.network`, by connections that are made: docs/concepts/network.md, line by line."""

import contextlib
import json
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sandbox.install import PLATFORM_NAMESPACE
from sandbox.nodes import network
from sandbox.nodes.nodes import Nodes
from tests.support.machine import Machine
from tests.support.pods import CORE, Pods
from tests.support.stacks import Stack

FILE = f"""\
workspaces:
  THIS:
    protect: false
    limits:
      network:
        allow:
          - {{cidr: {network.MACHINE}/32, ports: [5432]}}
          - {{namespace: THIS-data}}
  THIS-open:
    protect: false
"""

PORTS = (443, 5432, 6443, 8000, 8001, 8080, 9000)
"""On which each pod listens."""

OF_MACHINE = (443, 5432, 6443)
OF_INTERNET = (22, 80, 443, 8443)

LISTEN = f"""
import select, socket
waiting = [socket.create_server(("", port)) for port in {PORTS}]
while True:
    for ready in select.select(waiting, [], [])[0]:
        ready.accept()[0].close()
"""
CONNECT = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def opens(target):
    try:
        socket.create_connection(target, timeout=4).close()
        return True
    except OSError:
        return False
targets = [tuple(each) for each in json.loads(sys.argv[1])]
with ThreadPoolExecutor(16) as pool:
    print(json.dumps(list(pool.map(opens, targets))))
"""
NAME = 'import json, socket; print(json.dumps(socket.gethostbyname("kubernetes.default.svc.cluster.local")))'

Place = tuple[str, str]
"""Namespace and name of a pod."""


@pytest.fixture(scope="module")
def listening(nodes: Nodes) -> Iterator[None]:
    """Servers of this machine, at its private address and at one that counts as internet."""
    with ExitStack() as undo:
        targets = [(network.MACHINE, port) for port in OF_MACHINE] + [(network.OUTSIDE, port) for port in OF_INTERNET]
        for target in targets:
            server = undo.enter_context(socket.create_server(target))
            threading.Thread(target=_accept, args=(server,), daemon=True).start()
        yield


def _accept(server: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed at the end
        while True:
            server.accept()[0].close()


@pytest.fixture(scope="module")
def places(
    machine: Machine, nodes: Nodes, listening: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Place]]:
    """Pods that listen, by what they are: on the node of the session, and on others."""
    stack = Stack(machine, f"network-{secrets.token_hex(2)}", tmp_path_factory.mktemp("network"))
    stack.write(FILE)
    stack.up().ok()
    w, pods = stack.w, Pods(machine, nodes)
    machine.create(CORE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{w}-data"}})
    found = {
        "session": (w, "session", "node-1"),
        "job": (w, "job", "node-2"),
        "neighbour": (w, "neighbour", "node-1"),
        "neighbour far": (w, "neighbour-far", "node-3"),
        "open": (f"{w}-open", "open", "node-1"),
        "open far": (f"{w}-open", "open-far", "node-2"),
        "platform": (PLATFORM_NAMESPACE, f"{w}-platform", "node-2"),
        "data": (f"{w}-data", "data", "node-3"),
    }
    for name, (namespace, pod, node) in found.items():
        labels = {"batch.kubernetes.io/job-name": "trigger"} if name == "job" else {"app": pod}
        # Root, for the ports below 1024.
        command = {"command": ["tini", "--", "python3", "-c", LISTEN], "securityContext": {"runAsUser": 0}}
        pods.make(namespace, pod, nodeSelector={"kubernetes.io/hostname": node}, labels=labels, container=command)
    for namespace, pod, _ in found.values():
        pods.running(namespace, pod)
    yield {name: (namespace, pod) for name, (namespace, pod, _) in found.items()}
    machine.delete(f"{CORE}/{PLATFORM_NAMESPACE}/pods/{w}-platform")
    machine.delete(f"{CORE}/{w}-data")
    stack.remove()


def reached(pods: Pods, places: dict[str, Place], source: str) -> dict[str, set[int]]:
    """The ports that a pod opens, by what is behind them."""
    addresses = {name: pods.get(*place)["status"]["podIP"] for name, place in places.items() if name != source}
    targets = [(name, address, port) for name, address in addresses.items() for port in PORTS]
    targets += [("machine", network.MACHINE, port) for port in OF_MACHINE]
    targets += [("internet", network.OUTSIDE, port) for port in OF_INTERNET]
    answers = pods.python(*places[source], CONNECT, json.dumps([target[1:] for target in targets]))
    opened: dict[str, set[int]] = {}
    for (name, _, port), answer in zip(targets, answers, strict=True):
        if answer:
            opened.setdefault(name, set()).add(port)
    return opened


OUT_OF_SESSION = {
    "platform": {8080, 9000},
    "internet": {22, 80, 443},
    "machine": {5432},  # as the file allows
    "data": set(PORTS),
}
# A scheduled session's trigger calls the API server, at any address; its neighbours let nothing in all the same.
OUT_OF_JOB = {
    name: OUT_OF_SESSION.get(name, set()) | {443, 6443}
    for name in ("open", "open far", "platform", "data", "machine", "internet")
}
OUT_OF_JOB["internet"] -= {6443}  # where nothing listens
OF_OTHERS = {"machine": set(OF_MACHINE), "internet": set(OF_INTERNET)}
OUT_OF_PLATFORM = OF_OTHERS | {name: set(PORTS) for name in ("open", "open far", "data")}
OUT_OF_PLATFORM |= {name: {8001} for name in ("session", "job", "neighbour", "neighbour far")}
OUT_OF_OPEN = OF_OTHERS | {name: set(PORTS) for name in ("open far", "data", "platform")}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("session", OUT_OF_SESSION),
        ("job", OUT_OF_JOB),
        ("platform", OUT_OF_PLATFORM),
        ("open", OUT_OF_OPEN),
    ],
)
def test_what_is_declared_is_open_and_nothing_else(
    pods: Pods, places: dict[str, Place], machine: Machine, source: str, expected: dict[str, set[int]]
) -> None:
    # The engine takes a few seconds to see a pod.
    with contextlib.suppress(AssertionError):
        machine.until(lambda: reached(pods, places, source) == expected, "the policies hold", 20)
    assert reached(pods, places, source) == expected


def test_names_are_answered_from_inside(pods: Pods, places: dict[str, Place]) -> None:
    assert pods.python(*places["session"], NAME) == "10.0.0.1"
