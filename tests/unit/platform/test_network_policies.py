"""The policies, judged by what they let through: a small evaluator of NetworkPolicy, and a table of flows."""

import ipaddress
from dataclasses import dataclass, field

import pytest

from ambient_components.platform.network_policies import (
    ISOLATION,
    ISOLATION_JOBS,
    PRIVATE_V4,
    PRIVATE_V6,
    policies,
    store_peer,
    store_unreached,
)


@dataclass(frozen=True)
class Pod:
    """One end of a flow: a pod of the cluster, or without a namespace an address elsewhere."""

    namespace: str | None
    address: str = "10.128.0.7"
    labels: dict[str, str] = field(default_factory=dict)


SESSION = Pod("payments", labels={"app": "ambient-code-runner"})
TRIGGER = Pod("payments", labels={"batch.kubernetes.io/job-name": "nightly-1", "job-name": "nightly-1"})
PLATFORM = Pod("acp")
OTHER = Pod("research")


def away(address):
    """A host outside of the cluster."""
    return Pod(None, address)


# The evaluator: what the documentation of NetworkPolicy says, for the fields that are used.


def selects(selector, labels):
    assert not selector.keys() - {"matchLabels", "matchExpressions"}
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "Exists"
        if expression["key"] not in labels:
            return False
    return selector.get("matchLabels", {}).items() <= labels.items()


def matches_peer(peer, pod):
    if "ipBlock" in peer:
        assert peer.keys() == {"ipBlock"}
        block, address = peer["ipBlock"], ipaddress.ip_address(pod.address)
        inside = [ipaddress.ip_network(cidr) for cidr in (block["cidr"], *block.get("except", ()))]
        return address in inside[0] and not any(address in network for network in inside[1:])
    assert peer.keys() == {"namespaceSelector"}
    names = {"kubernetes.io/metadata.name": pod.namespace}
    return pod.namespace is not None and selects(peer["namespaceSelector"], names)


def matches_rule(rule, peers, pod, port, protocol):
    assert not rule.keys() - {peers, "ports"}
    for field_name in (peers, "ports"):
        # An empty list is as good as none, and means all: nobody should write one by accident.
        assert rule.get(field_name) != []
    by_peer = peers not in rule or any(matches_peer(peer, pod) for peer in rule[peers])
    by_port = "ports" not in rule or {"protocol": protocol, "port": port} in rule["ports"]
    return by_peer and by_port


def passes(specs, direction, pod, other, port, protocol="TCP"):
    """Whether a pod of the workspace may talk to the other end (Egress), or be talked to by it (Ingress)."""
    section, peers = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}[direction]
    bound = [s for s in specs if selects(s["podSelector"], pod.labels) and direction in s["policyTypes"]]
    if not bound:
        return True
    return any(matches_rule(rule, peers, other, port, protocol) for spec in bound for rule in spec.get(section, ()))


def isolated(*allow):
    return list(policies("acp", allow).values())


# What must go on working, and what must not.

INGRESS = [
    (SESSION, PLATFORM, 8001, "TCP", True),
    (TRIGGER, PLATFORM, 8001, "TCP", True),
    (SESSION, OTHER, 8001, "TCP", False),
    (SESSION, Pod("payments"), 8001, "TCP", False),
    (SESSION, Pod("acp-2"), 8001, "TCP", False),
    (SESSION, PLATFORM, 8080, "TCP", False),
    (SESSION, PLATFORM, 8001, "UDP", False),
    (SESSION, away("203.0.113.9"), 8001, "TCP", False),
]

EGRESS = [
    *[(SESSION, Pod("kube-system"), port, protocol, True) for port in (53, 5353) for protocol in ("UDP", "TCP")],
    (SESSION, away("169.254.20.10"), 53, "UDP", True),
    (SESSION, Pod("kube-system"), 54, "UDP", False),
    (SESSION, PLATFORM, 8080, "TCP", True),
    (SESSION, PLATFORM, 9000, "TCP", True),
    (SESSION, PLATFORM, 22, "TCP", False),
    (SESSION, PLATFORM, 443, "TCP", False),
    (SESSION, PLATFORM, 9001, "TCP", False),
    (SESSION, PLATFORM, 8080, "UDP", False),
    *[(SESSION, away("160.79.104.10"), port, "TCP", True) for port in (443, 80, 22)],
    *[(SESSION, away("2607:6bc0::10"), port, "TCP", True) for port in (443, 80, 22)],
    (SESSION, away("160.79.104.10"), 25, "TCP", False),
    (SESSION, away("160.79.104.10"), 6443, "TCP", False),
    (SESSION, away("160.79.104.10"), 443, "UDP", False),
    (SESSION, away("169.254.169.254"), 80, "TCP", False),
    (SESSION, away("100.100.100.200"), 80, "TCP", False),
    (SESSION, away("fd00:ec2::254"), 80, "TCP", False),
    *[(SESSION, away(a), 443, "TCP", False) for a in ("10.0.0.5", "172.16.9.9", "172.31.255.255", "192.168.1.1")],
    *[(SESSION, away(a), 443, "TCP", False) for a in ("127.0.0.1", "0.1.2.3", "100.64.0.1", "198.18.0.1")],
    *[(SESSION, away(a), 443, "TCP", False) for a in ("::1", "fe80::1", "fdaa::1", "fc00::1")],
    *[(SESSION, away(a), 443, "TCP", True) for a in ("172.15.0.1", "172.32.0.1", "11.0.0.1", "100.128.0.1")],
    *[(SESSION, OTHER, port, "TCP", False) for port in (443, 80, 22, 8001, 8080)],
    (SESSION, Pod("payments"), 8080, "TCP", False),
    # Where the API server listens is a private address in most clusters.
    (TRIGGER, away("10.0.0.1"), 6443, "TCP", True),
    (TRIGGER, away("10.96.0.1"), 443, "TCP", True),
    (TRIGGER, away("10.0.0.1"), 22, "TCP", False),
    (TRIGGER, PLATFORM, 8080, "TCP", True),
    (SESSION, away("10.0.0.1"), 6443, "TCP", False),
    (SESSION, away("10.96.0.1"), 443, "TCP", False),
]


def received(flow):
    pod, other, port, protocol, passing = flow
    end = other.namespace or other.address
    return f"{'job' if pod is TRIGGER else 'session'} {end} {protocol} {port} {'passes' if passing else 'is stopped'}"


@pytest.mark.parametrize("port", [8000, 8080, 9000])
def test_sessions_of_the_api_server_reach_it(port):
    """Its REST port, the control plane's token endpoint and its gRPC port: CP/config.go:71-90 and MF of both."""
    assert passes(policies("acp", api_server=True).values(), "Egress", SESSION, PLATFORM, port)
    assert passes(isolated(), "Egress", SESSION, PLATFORM, port) is (port != 8000)
    assert not passes(policies("acp", api_server=True).values(), "Egress", SESSION, OTHER, port)


@pytest.mark.parametrize("flow", INGRESS, ids=received)
def test_who_may_talk_to_a_session(flow):
    pod, other, port, protocol, passing = flow
    assert passes(isolated(), "Ingress", pod, other, port, protocol) is passing


@pytest.mark.parametrize("flow", EGRESS, ids=received)
def test_whom_a_session_may_talk_to(flow):
    pod, other, port, protocol, passing = flow
    assert passes(isolated(), "Egress", pod, other, port, protocol) is passing


@pytest.mark.parametrize(
    ("peer", "opened", "closed"),
    [
        (
            {"cidr": "10.20.0.0/16"},
            [(away("10.20.3.4"), 443, "TCP"), (away("10.20.3.4"), 5432, "UDP")],
            [(away("10.21.0.1"), 443, "TCP")],
        ),
        (
            {"cidr": "10.20.0.0/16", "ports": [5432], "protocol": "TCP"},
            [(away("10.20.3.4"), 5432, "TCP")],
            [(away("10.20.3.4"), 5432, "UDP"), (away("10.20.3.4"), 443, "TCP")],
        ),
        (
            {"namespace": "databases", "ports": [5432, 6379]},
            [(Pod("databases"), 5432, "TCP"), (Pod("databases"), 6379, "TCP")],
            [(Pod("databases"), 22, "TCP"), (OTHER, 5432, "TCP"), (away("203.0.113.9"), 5432, "TCP")],
        ),
        (
            {"namespace": "dns", "ports": [9953], "protocol": "UDP"},
            [(Pod("dns"), 9953, "UDP")],
            [(Pod("dns"), 9953, "TCP")],
        ),
        (
            # As a model writes it where nothing is said of ports.
            {"namespace": "mirror", "ports": [], "protocol": "TCP"},
            [(Pod("mirror"), 1, "TCP"), (Pod("mirror"), 65535, "UDP")],
            [(OTHER, 1, "TCP")],
        ),
        ({"cidr": "fd12::/16"}, [(away("fd12::9"), 443, "TCP")], [(away("fd13::9"), 443, "TCP")]),
    ],
    ids=str,
)
def test_a_declared_peer_is_reached_and_nobody_beside_it(peer, opened, closed):
    specs = isolated(peer)
    assert [flow for flow in opened if not passes(specs, "Egress", SESSION, *flow)] == []
    assert [flow for flow in closed if passes(specs, "Egress", SESSION, *flow)] == []
    # Allowed to talk to is not allowed to be talked to by.
    assert [flow for flow in opened if passes(specs, "Ingress", SESSION, *flow)] == []


def test_two_policies_by_their_names_and_the_one_for_jobs_opens_no_way_in():
    specs = policies("acp")
    assert set(specs) == {ISOLATION, ISOLATION_JOBS} == {"workspace-isolation", "workspace-isolation-jobs"}
    assert specs[ISOLATION]["policyTypes"] == ["Ingress", "Egress"]
    assert specs[ISOLATION]["podSelector"] == {}
    assert specs[ISOLATION_JOBS]["policyTypes"] == ["Egress"]
    assert "ingress" not in specs[ISOLATION_JOBS]


def test_every_network_is_one_that_kubernetes_takes():
    """An exception must lie within its block; and each is a network, not an address in one."""
    assert all(ipaddress.ip_network(cidr).version == 4 for cidr in PRIVATE_V4)
    assert all(ipaddress.ip_network(cidr).version == 6 for cidr in PRIVATE_V6)


# The workspace's own object store.

TENANT = Pod("tenant")
STORES = [
    # Address, destinations that it opens, whether nobody can tell.
    ("http://minio.acp.svc:9000", [], False),
    ("http://minio.acp.svc.cluster.local:9000", [], False),
    ("http://store.acp.svc:8080", [], False),
    ("https://store.acp.svc", [(PLATFORM, 443)], False),
    ("http://minio.tenant.svc:9000", [(TENANT, 9000), (TENANT, 80)], False),
    ("https://minio.tenant.svc.cluster.local", [(TENANT, 443), (TENANT, 9000)], False),
    ("http://minio-0.minio.tenant.svc.cluster.local:9000", [(TENANT, 9000)], False),
    ("http://10.1.2.3:9000", [(away("10.1.2.3"), 9000)], False),
    ("https://10.1.2.3", [(away("10.1.2.3"), 443)], False),
    ("https://203.0.113.9:9443", [(away("203.0.113.9"), 9443)], False),
    ("https://203.0.113.9", [], False),
    ("http://[fd00::5]:9000", [(away("fd00::5"), 9000)], False),
    ("http://127.0.0.1:7070", [(away("127.0.0.1"), 7070)], False),
    ("https://s3.eu-central-1.amazonaws.com", [], False),
    ("https://storage.example.com", [], False),
    ("http://storage.example.com", [], False),
    ("https://storage.example.com:9443", [], True),
    ("http://minio:9000", [], True),
    # Of one's own making, and not the name of a Service.
    ("http://svc.example.com:9000", [], True),
    ("http://minio.svc:9000", [], True),
]


@pytest.mark.parametrize(("endpoint", "opened", "untold"), STORES, ids=str)
def test_a_closed_off_workspace_reaches_its_own_store_and_nothing_beside_it(endpoint, opened, untold):
    peer = store_peer(endpoint, "acp")
    specs = isolated(*([peer] if peer else []))
    assert bool(peer) is bool(opened)
    for end, port in opened:
        assert passes(specs, "Egress", SESSION, end, port)
        assert not passes(isolated(), "Egress", SESSION, end, port)
        assert not passes(specs, "Ingress", SESSION, end, port)
    for end in (OTHER, away("10.1.2.4"), away("fd00::6")):
        assert not passes(specs, "Egress", SESSION, end, 9000)
    assert (store_unreached(endpoint, "acp", []) is not None) is untold


def test_of_the_platforms_namespace_only_the_port_of_the_store_is_opened():
    specs = isolated(store_peer("https://store.acp.svc:8443", "acp"))
    assert passes(specs, "Egress", SESSION, PLATFORM, 8443)
    assert not passes(specs, "Egress", SESSION, PLATFORM, 5432)


@pytest.mark.parametrize(
    ("allow", "received"),
    [
        ([], 9443),
        ([{"cidr": "10.0.0.0/8", "ports": [5432]}], 9443),
        ([{"cidr": "10.0.0.0/8", "ports": [5432, 9443]}], None),
        ([{"cidr": "10.0.0.0/8"}], None),
        ([{"namespace": "tenant", "ports": []}], None),
    ],
)
def test_nobody_is_told_of_a_port_that_is_allowed_already(allow, received):
    assert store_unreached("https://storage.example.com:9443", "acp", allow) == received
