"""The network policies of `limits.network`, by connections that are made: docs/concepts/how-it-works.md."""

import contextlib
import json
import secrets
import subprocess
import sys
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
          - {{cidr: {network.MACHINE}/32, ports: [4500], protocol: UDP}}
          - {{namespace: THIS-data}}
  THIS-open:
    protect: false
"""

TCP = (443, 5432, 6443, 8000, 8001, 8080, 9000)
UDP = (53, 443, 4500, 5353)
"""Ports on which each pod listens."""

OF_MACHINE = (443, 5432, 6443)
OF_INTERNET = (22, 80, 443, 8443)
"""Ports of TCP on which this machine listens. Of UDP, it has the same as the pods."""

LISTEN = """
import select, socket, sys
def listen(address, tcp, udp):
    servers = [socket.create_server((address, port)) for port in tcp]
    answering = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for port in udp]
    for server, port in zip(answering, udp):
        server.bind((address, port))
    while True:
        for ready in select.select(servers + answering, [], [])[0]:
            if ready in servers:
                ready.accept()[0].close()
            else:
                ready.sendto(*ready.recvfrom(9))
"""
CONNECT = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def opens(target):
    protocol, *address = target
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    try:
        with socket.socket(socket.AF_INET, kind) as connection:
            connection.settimeout(4)
            connection.connect(tuple(address))
            if protocol == "udp":
                connection.send(b"x")
                connection.recv(9)
        return True
    except OSError:
        return False
with ThreadPoolExecutor(32) as pool:
    print(json.dumps(list(pool.map(opens, json.loads(sys.argv[1])))))
"""
NAME = 'import json, socket; print(json.dumps(socket.gethostbyname("kubernetes.default.svc.cluster.local")))'

Place = tuple[str, str]
"""Namespace and name of a pod."""


@pytest.fixture(scope="module")
def listening(nodes: Nodes) -> Iterator[None]:
    """Servers of this machine, at its private address and at one that counts as internet."""
    with ExitStack() as undo:
        for address, ports in ((network.MACHINE, OF_MACHINE), (network.OUTSIDE, OF_INTERNET)):
            server = subprocess.Popen([sys.executable, "-c", f"{LISTEN}listen({address!r}, {ports}, {UDP})"])
            undo.callback(server.wait)
            undo.callback(server.kill)
        yield


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
        program = f"{LISTEN}listen('', {TCP}, {UDP})"
        command = {"command": ["tini", "--", "python3", "-c", program], "securityContext": {"runAsUser": 0}}
        pods.make(namespace, pod, nodeSelector={"kubernetes.io/hostname": node}, labels=labels, container=command)
    for namespace, pod, _ in found.values():
        pods.running(namespace, pod)
    yield {name: (namespace, pod) for name, (namespace, pod, _) in found.items()}
    machine.delete(f"{CORE}/{PLATFORM_NAMESPACE}/pods/{w}-platform")
    machine.delete(f"{CORE}/{w}-data")
    stack.remove()


Ports = dict[str, set[int]]
"""Open ports, by what is behind them."""


def reached(pods: Pods, places: dict[str, Place], source: str) -> dict[str, Ports]:
    """The ports that a pod opens, by protocol."""
    listening = {
        name: (pods.get(*place)["status"]["podIP"], TCP) for name, place in places.items() if name != source
    } | {"machine": (network.MACHINE, OF_MACHINE), "internet": (network.OUTSIDE, OF_INTERNET)}
    targets = [
        (name, protocol, address, port)
        for name, (address, tcp) in listening.items()
        for protocol, ports in (("tcp", tcp), ("udp", UDP))
        for port in ports
    ]
    answers = pods.python(*places[source], CONNECT, json.dumps([target[1:] for target in targets]))
    opened: dict[str, Ports] = {"tcp": {}, "udp": {}}
    for (name, protocol, _, port), answer in zip(targets, answers, strict=True):
        if answer:
            opened[protocol].setdefault(name, set()).add(port)
    return opened


OF_WORKSPACE = ("session", "job", "neighbour", "neighbour far")
OF_OTHERS = ("open", "open far", "platform", "data")
"""Pods without policies."""

OUT_OF_SESSION = {
    "platform": {8080, 9000},
    "internet": {22, 80, 443},
    "machine": {5432},  # as the file allows
    "data": set(TCP),
}
# A scheduled session's trigger calls the API server, at any address; its neighbours let nothing in all the same.
OUT_OF_JOB = {name: OUT_OF_SESSION.get(name, set()) | {443, 6443} for name in (*OF_OTHERS, "machine", "internet")}
OUT_OF_JOB["internet"] -= {6443}  # where nothing listens
# DNS, to any address. Nothing lets it into the workspace's other pods, but kube-router does: for the pod that receives,
# it also looks at what the same policy lets out.
UDP_OUT = {name: {53, 5353} for name in (*OF_WORKSPACE, *OF_OTHERS, "machine", "internet")}
UDP_OUT |= {"machine": {53, 4500, 5353}, "data": set(UDP)}  # as the file allows

OUTSIDE = {"machine": set(OF_MACHINE), "internet": set(OF_INTERNET)}


def to_others(source: str) -> tuple[Ports, Ports]:
    """What pods of no isolated workspace reach: everything but those of one."""
    others = [name for name in OF_OTHERS if name != source]
    return OUTSIDE | {name: set(TCP) for name in others}, {name: set(UDP) for name in (*others, *OUTSIDE)}


OUT_OF_PLATFORM, UDP_OUT_OF_PLATFORM = to_others("platform")
OUT_OF_PLATFORM |= {name: {8001} for name in OF_WORKSPACE}


EXPECTED: dict[str, tuple[Ports, Ports]] = {
    "session": (OUT_OF_SESSION, {name: ports for name, ports in UDP_OUT.items() if name != "session"}),
    "job": (OUT_OF_JOB, {name: ports for name, ports in UDP_OUT.items() if name != "job"}),
    "platform": (OUT_OF_PLATFORM, UDP_OUT_OF_PLATFORM),
    "open": to_others("open"),
    "data": to_others("data"),
}
"""By TCP and by UDP."""


@pytest.mark.parametrize("source", EXPECTED)
def test_what_is_declared_is_open_and_nothing_else(
    pods: Pods, places: dict[str, Place], machine: Machine, source: str
) -> None:
    expected = dict(zip(("tcp", "udp"), EXPECTED[source], strict=True))
    # The engine takes a few seconds to see a pod, and more on a busy machine.
    with contextlib.suppress(AssertionError):
        machine.until(lambda: reached(pods, places, source) == expected, "the policies hold", 120)
    assert reached(pods, places, source) == expected


def test_names_are_answered_from_inside(pods: Pods, places: dict[str, Place]) -> None:
    assert pods.python(*places["session"], NAME) == "10.0.0.1"
