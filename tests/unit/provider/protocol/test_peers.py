"""The plugin answers its own user and takes one configuration (finding 11 of the security review)."""

import os
import socket
import subprocess
import sys

import pytest
from pulumi.runtime import proto

from ambient_components.provider.protocol import peers
from tests.support.fake_plugin import TOKEN, FakePlugin, RefusedError, plain, secret

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who owns a connection")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

NOBODY = 65534
CALLS = ("CheckConfig", "Configure", "Create", "Read", "Delete", "GetSchema", "Cancel", "GetPluginInfo", "List")
ANOTHER_USER = """
import os, sys
import encodings.idna, grpc
from grpc import _channel  # it is imported late, and another user may not read the files of ours
os.setgroups([]); os.setgid(65534); os.setuid(65534)
port, *calls = sys.argv[1:]
with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)]) as channel:
    for call in calls:
        try:
            channel.unary_unary(f"/pulumirpc.ResourceProvider/{call}")(b"", timeout=20)
            print(call, "OK")
        except grpc.RpcError as error:
            print(call, error.code().name, error.details())
"""


@linux
@needs_root
def test_another_user_is_refused_whatever_it_calls_and_the_engine_goes_on(world):
    before = len(world.api.log)
    received = subprocess.run(
        [sys.executable, "-c", ANOTHER_USER, str(world.plugin.port), *CALLS],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert received.returncode == 0, received.stderr
    answers = dict(line.split(" ", 1) for line in received.stdout.splitlines())
    assert answers.keys() == set(CALLS)
    assert answers.pop("List").startswith("UNIMPLEMENTED")
    assert set(answers.values()) == {f"PERMISSION_DENIED {peers.REFUSAL}"}
    assert len(world.api.log) == before
    assert not world.plugin.servicer._engine.cancelled
    assert world.plugin.schema()


@linux
@needs_root
def test_the_user_is_the_one_of_this_process_also_where_that_is_not_root(world, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: NOBODY)
    with pytest.raises(RefusedError, match=peers.REFUSAL):
        world.plugin.schema()


def test_a_second_configuration_is_refused_and_the_first_one_holds(world):
    before = world.plugin.servicer._settings
    for settings in ({"kubeconfig": secret("another: cluster\n")}, {}):
        with pytest.raises(RefusedError, match="configured already"):
            world.plugin.configure_again(**settings)
    assert world.plugin.servicer._settings is before


def test_nothing_is_done_before_the_configuration(world):
    with FakePlugin(world.engine.address) as fresh, pytest.raises(RefusedError, match="not configured yet"):
        fresh.call("Create", proto.CreateRequest(urn=TOKEN))


def test_nobody_can_give_the_plugin_another_engine(world):
    address = "127.0.0.1:1"
    for call, request in (
        ("Attach", proto.PluginAttach(address=address)),
        ("Handshake", proto.ProviderHandshakeRequest(engine_address=address)),
    ):
        with pytest.raises(RefusedError, match="not implemented"):
            world.plugin.call(call, request)


@linux
@pytest.mark.parametrize("way", ["netlink", "table"])
class TestOwner:
    @pytest.fixture(autouse=True)
    def one_way(self, way, monkeypatch):
        if way == "table":
            monkeypatch.setattr(peers, "_by_netlink", lambda *_: None)
        else:
            monkeypatch.setattr(peers, "_by_table", lambda *_: None)

    @pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
    def test_it_is_the_clients_end_that_counts(self, family):
        with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(family) as client:
            port = server.getsockname()[1]
            client.connect(("::ffff:127.0.0.1" if family == socket.AF_INET6 else "127.0.0.1", port))
            assert peers.owner("127.0.0.1", client.getsockname()[1], port) == os.geteuid()
            if os.geteuid() == 0:
                os.fchown(client.fileno(), NOBODY, NOBODY)
                assert peers.owner("127.0.0.1", client.getsockname()[1], port) == NOBODY

    def test_a_connection_that_its_user_closed_is_of_no_user(self):
        """The kernel says root of it: whoever closes at once would be root."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname())
            accepted, (_, port) = server.accept()
            with accepted:
                client.close()
                assert peers.owner("127.0.0.1", port, server.getsockname()[1]) is None

    def test_a_port_that_only_listens_is_of_no_user(self):
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
            assert peers.owner("127.0.0.1", other.getsockname()[1], server.getsockname()[1]) is None


def test_a_caller_without_an_address_is_refused_on_linux(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    assert not peers.OwnUser().trusts("unix:/tmp/socket")


def test_elsewhere_the_kernel_does_not_tell(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    assert peers.OwnUser().trusts("ipv4:127.0.0.1:1")


def test_settings_are_in_the_answer_of_the_first_configuration(world):
    with FakePlugin(world.engine.address) as fresh:
        assert fresh.configure_again(context="one").acceptSecrets
        assert plain(fresh.check_config(context="one").inputs) == {"context": "one"}
