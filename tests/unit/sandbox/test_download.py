"""Downloads of one file from a local server, with the faults of real networks."""

from __future__ import annotations

import datetime
import errno
import hashlib
import ipaddress
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sandbox import download as module
from sandbox.download import ATTEMPTS, Checksum, UnavailableError, download
from sandbox.errors import SandboxError
from tests.support.mirror import Mirror, mirror

DATA = os.urandom(1_000_000)
SUM = Checksum("sha256", hashlib.sha256(DATA).hexdigest())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with mirror() as running:
        running.files["/file"] = DATA
        yield running


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class TestWhole:
    @pytest.mark.parametrize("checksum", [SUM, Checksum("sha512", hashlib.sha512(DATA).hexdigest())])
    def test_is_verified(self, server: Mirror, tmp_path: Path, checksum: Checksum) -> None:
        download(f"{server.url}/file", tmp_path / "file", checksum, lambda _: None)
        assert (tmp_path / "file").read_bytes() == DATA
        assert server.requests == [("/file", None)]

    def test_another_file_is_deleted_and_both_sums_are_shown(self, server: Mirror, tmp_path: Path) -> None:
        server.files["/file"] = b"another"
        with pytest.raises(SandboxError) as problem:
            download(f"{server.url}/file", tmp_path / "file", SUM, lambda _: None)
        assert SUM.value in str(problem.value)
        assert hashlib.sha256(b"another").hexdigest() in str(problem.value)
        assert "\nhint: " in str(problem.value)
        assert not (tmp_path / "file").exists()

    def test_from_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "mirror").write_bytes(DATA)
        download((tmp_path / "mirror").as_uri(), tmp_path / "file", SUM, lambda _: None)
        assert (tmp_path / "file").read_bytes() == DATA
        with pytest.raises(UnavailableError) as problem:
            download((tmp_path / "none").as_uri(), tmp_path / "other", SUM, lambda _: None)
        assert problem.value.reached


class TestInterrupted:
    def test_goes_on_where_it_stopped(self, server: Mirror, tmp_path: Path) -> None:
        server.cuts = [300_000, 200_000]
        said: list[str] = []
        download(f"{server.url}/file", tmp_path / "file", SUM, lambda _: None, said.append)
        assert said == [
            f"interrupted (the connection ended after {size} of 1000000 bytes), continuing" for size in (300000, 500000)
        ]
        assert server.requests == [("/file", None), ("/file", "bytes=300000-"), ("/file", "bytes=500000-")]
        assert (tmp_path / "file").read_bytes() == DATA

    def test_the_next_run_goes_on(self, server: Mirror, tmp_path: Path) -> None:
        server.cuts = [100_000] * ATTEMPTS
        with pytest.raises(SandboxError, match=rf"interrupted {ATTEMPTS} times.*400000 of 1000000 bytes.\nhint: "):
            download(f"{server.url}/file", tmp_path / "file", SUM, lambda _: None)
        download(f"{server.url}/file", tmp_path / "file", SUM, lambda _: None)
        assert server.requests[-1] == ("/file", "bytes=400000-")
        assert (tmp_path / "file").read_bytes() == DATA

    def test_after_ctrl_c_as_well(self, server: Mirror, tmp_path: Path) -> None:
        server.pause = 0.01

        def stop(_: str) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            download(f"{server.url}/file", tmp_path / "file", SUM, stop)
        received = (tmp_path / "file").stat().st_size
        assert 0 < received < len(DATA)
        download(f"{server.url}/file", tmp_path / "file", SUM, lambda _: None)
        assert server.requests[-1] == ("/file", f"bytes={received}-")

    def test_a_server_without_ranges_starts_again(self, server: Mirror, tmp_path: Path) -> None:
        server.ranges = False
        server.cuts = [300_000]
        download(f"{server.url}/file", tmp_path / "file", SUM, lambda _: None)
        assert (tmp_path / "file").read_bytes() == DATA

    def test_a_complete_file_is_only_verified(self, server: Mirror, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(DATA)
        download(f"{server.url}/file", tmp_path / "file", SUM, lambda _: None)
        assert server.requests == []

    @pytest.mark.parametrize("size", [10, 2_000_000])
    def test_the_start_of_another_file_is_not_kept(self, server: Mirror, tmp_path: Path, size: int) -> None:
        (tmp_path / "file").write_bytes(b"x" * size)
        download(f"{server.url}/file", tmp_path / "file", SUM, lambda _: None)
        assert (tmp_path / "file").read_bytes() == DATA

    def test_a_silent_server(self, server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "STALL_SECONDS", 0.2)
        server.pause = 0.8
        with pytest.raises(SandboxError, match=r"interrupted 4 times, most recently by: no data for 0 s"):
            download(f"{server.url}/file", tmp_path / "file", SUM, lambda _: None)
        assert (tmp_path / "file").stat().st_size > 0


class TestUnavailable:
    def test_not_there(self, server: Mirror, tmp_path: Path) -> None:
        with pytest.raises(UnavailableError, match=r"/none answers 404 Not Found$") as problem:
            download(f"{server.url}/none", tmp_path / "file", SUM, lambda _: None)
        assert problem.value.reached

    def test_a_busy_server_is_asked_again(self, server: Mirror, tmp_path: Path) -> None:
        server.errors = [503] * (ATTEMPTS - 1)
        download(f"{server.url}/file", tmp_path / "file", SUM, lambda _: None)
        server.errors = [503] * ATTEMPTS
        with pytest.raises(UnavailableError, match=r"/file answers 503 Service Unavailable$"):
            download(f"{server.url}/file", tmp_path / "other", SUM, lambda _: None)
        assert server.errors == []

    def test_no_connection(self, server: Mirror, tmp_path: Path) -> None:
        port = closed_port()
        with pytest.raises(
            UnavailableError, match=rf"^127.0.0.1:{port} cannot be reached: Connection refused$"
        ) as problem:
            download(f"http://127.0.0.1:{port}/file", tmp_path / "file", SUM, lambda _: None)
        assert not problem.value.reached

    def test_no_name(self, server: Mirror, tmp_path: Path) -> None:
        with pytest.raises(UnavailableError, match=r"^nowhere\.invalid cannot be reached: "):
            download("https://nowhere.invalid/file", tmp_path / "file", SUM, lambda _: None)


class TestProxy:
    def test_is_used(self, server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        server.files["http://publisher.invalid/file"] = DATA
        download("http://publisher.invalid/file", tmp_path / "file", SUM, lambda _: None)
        assert server.requests == [("http://publisher.invalid/file", None)]

    def test_is_not_used_for_exceptions(self, server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        download(f"{server.url}/file", tmp_path / "file", SUM, lambda _: None)
        assert (tmp_path / "file").read_bytes() == DATA

    def test_that_does_not_answer_is_named(
        self, server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        port = closed_port()
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{port}")
        expected = f"^publisher.invalid through the proxy 127.0.0.1:{port} cannot be reached: Connection refused$"
        with pytest.raises(UnavailableError, match=expected):
            download("https://publisher.invalid/file", tmp_path / "file", SUM, lambda _: None)

    def test_that_refuses(self, server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # The server knows no CONNECT, which is an answer as of a proxy that forbids a host.
        monkeypatch.setenv("HTTPS_PROXY", server.url)
        with pytest.raises(UnavailableError, match=r"cannot be reached: Tunnel connection failed: 501"):
            download("https://publisher.invalid/file", tmp_path / "file", SUM, lambda _: None)


def self_signed(folder: Path) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mirror")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "tls.crt").write_bytes(certificate.public_bytes(pem))
    plain = serialization.NoEncryption()
    (folder / "tls.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return str(folder / "tls.crt"), str(folder / "tls.key")


class TestCertificates:
    def test_are_those_of_ssl_cert_file(self, server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        certificate = self_signed(tmp_path)
        with mirror(certificate) as secured:
            secured.files["/file"] = DATA
            with pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
                download(f"{secured.url}/file", tmp_path / "file", SUM, lambda _: None)
            monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
            download(f"{secured.url}/file", tmp_path / "file", SUM, lambda _: None)
        assert (tmp_path / "file").read_bytes() == DATA


class TestDisk:
    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
    def test_a_full_one_is_not_taken_for_the_network(self, server: Mirror, tmp_path: Path) -> None:
        (tmp_path / "file").symlink_to("/dev/full")
        with pytest.raises(OSError, match="No space left") as problem:
            download(f"{server.url}/file", tmp_path / "file", SUM, lambda _: None)
        assert problem.value.errno == errno.ENOSPC
        assert len(server.requests) == 1


class TestProgress:
    def test_rate_and_remaining_time(self, server: Mirror, tmp_path: Path) -> None:
        server.pause = 0.05
        server.files["/file"] = DATA * 5
        checksum = Checksum("sha256", hashlib.sha256(DATA * 5).hexdigest())
        shown: list[str] = []
        download(f"{server.url}/file", tmp_path / "file", checksum, shown.append)
        assert all(re.fullmatch(r"\d of 5 MB, \d+\.\d MB/s, \d+s left", line) for line in shown), shown
        assert shown[-1].startswith("5 of 5 MB, ")
        assert shown[-1].endswith(", 0s left")
