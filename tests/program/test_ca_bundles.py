import ssl

import pytest

from ambient_components.errors import BadValue
from ambient_components.program.ca_bundles import certificates
from ambient_components.stackfile.regular import CA_BUNDLE_MAX
from tests.support.certificates import CERTIFICATE

CONFIG = {"clusterUid": "uid-1", "vertex": "true"}
ONE = CERTIFICATE
DER = ssl.PEM_cert_to_DER_cert(ONE)
BUNDLE = ONE * 20
KEY = "-----BEGIN {}PRIVATE KEY-----\nMIIEsecret\n-----END {}PRIVATE KEY-----\n"
AT = "stacks/dev.yaml:4:22: workspaces.payments.settings.caBundle.file: "
STACK = "workspaces:\n  payments:\n    settings:\n      caBundle: {file: ca.pem}\n"


def pem(content):
    return ssl.DER_cert_to_PEM_cert(content)


@pytest.fixture
def bundle(tmp_path, run_fleet):
    def write(content, file="ca.pem"):
        path = tmp_path / "stacks" / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


def data(recording, workspace="payments"):
    return recording.named("ConfigMap", f"{workspace}/ca-bundle").inputs["data"]["ca-bundle.crt"]


@pytest.mark.parametrize(
    "content",
    [
        BUNDLE,
        f"# Company\n{BUNDLE}",
        BUNDLE.replace("\n", "\r\n"),
        "PULUMI_CONFIG_PASSPHRASE=v-secret\0A=" + ONE.join(["\0v-text=\n"] * 21),
    ],
)
def test_certificates_alone_get_through(run_fleet, bundle, content):
    """Finding 8: no other byte of the file does."""
    bundle(content)
    recording = run_fleet(STACK, config=CONFIG)
    assert data(recording) == BUNDLE
    assert recording.warnings == []


@pytest.mark.parametrize(
    ("count", "counted"), [(1, "1 certificate:"), (2, "2 certificates:"), (19, "19 certificates:")]
)
def test_a_bundle_of_few_is_a_warning(run_fleet, bundle, count, counted):
    bundle(ONE * count)
    recording = run_fleet(STACK, config=CONFIG)
    (warning,) = recording.warnings
    assert (
        f"workspaces.payments.settings.caBundle.file: has {counted} it takes the place of the system's own" in warning
    )
    assert warning.startswith("stacks/dev.yaml:4:")
    assert data(recording) == ONE * count


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize(
    ("content", "received"),
    [
        (BUNDLE + KEY.format("", ""), "the file 'stacks/ca.pem' holds a private key; keep the certificates only, and"),
        (BUNDLE + KEY.format("RSA ", "RSA "), "the file 'stacks/ca.pem' holds a private key"),
        (KEY.format("EC ", "EC ") + BUNDLE, "the file 'stacks/ca.pem' holds a private key"),
        (KEY.format("ENCRYPTED ", "ENCRYPTED ") + ONE, "the file 'stacks/ca.pem' holds a private key"),
        ("", "the file 'stacks/ca.pem' holds no certificate; a file of PEM certificates is expected"),
        ("MIIBszCC", "the file 'stacks/ca.pem' holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\nMIIB", "the file 'stacks/ca.pem' holds no certificate"),
        (b"\x30\x82\xff\xfe", "the file 'stacks/ca.pem' can't be read as text"),
        (BUNDLE + "#" * CA_BUNDLE_MAX, "the file 'stacks/ca.pem' is larger than 1,000,000 bytes"),
        (
            ONE + ONE.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
            "holds a PEM block that is not a certificate; remove",
        ),
        (ONE + ONE.replace("CERTIFICATE", "X509 CRL"), "holds a PEM block that is not a certificate"),
        (
            pem(b"v-secret"),
            "the file 'stacks/ca.pem' holds no valid certificate in its block 1; export it again as PEM",
        ),
        (ONE + pem(DER + b"v-secret"), "the file 'stacks/ca.pem' holds no valid certificate in its block 2"),
        (pem(DER[:-1]), "the file 'stacks/ca.pem' holds no valid certificate in its block 1"),
        (ONE.replace("MII", "MI="), "the file 'stacks/ca.pem' holds no valid certificate in its block 1"),
        (ONE + ONE.replace("MII", "M!I"), "the file 'stacks/ca.pem' holds a certificate that is cut off or not base64"),
        (None, "there is no file 'stacks/ca.pem'; a file of PEM certificates is expected"),
    ],
    ids=lambda value: value[:60] if isinstance(value, str | bytes) else None,
)
def test_what_is_no_bundle_is_refused_and_never_quoted(run_fleet, bundle, content, received, preview):
    if content is not None:
        bundle(content)
    (line,) = run_fleet.refusal(STACK, config=CONFIG, preview=preview)
    assert received in line
    assert "MIIEsecret" not in line
    assert line.startswith("stacks/dev.yaml:4:")


def test_a_bundle_of_the_defaults_is_read_once_and_warned_of_once(run_fleet, bundle):
    bundle(ONE)
    text = "defaults: {settings: {caBundle: {file: ca.pem}}}\nworkspaces: {payments: {}, research: {}}\n"
    recording = run_fleet(text, config=CONFIG)
    assert data(recording) == data(recording, "research") == ONE
    assert len(recording.warnings) == 1


def test_a_bundle_lies_beside_the_file_that_names_it(run_fleet, bundle, tmp_path):
    bundle(BUNDLE, "teams/ca.pem")
    (tmp_path / "stacks/teams/research.yaml").write_text(
        "workspaces: {research: {settings: {caBundle: {file: ca.pem}}}}\n"
    )
    recording = run_fleet("include: [teams/research.yaml]\n", config=CONFIG)
    assert data(recording, "research") == BUNDLE


@pytest.mark.parametrize("state", ["closed", "released"])
def test_it_stays_in_every_state(run_fleet, bundle, state):
    bundle(BUNDLE)
    assert data(run_fleet(f"{STACK}    state: {state}\n", config=CONFIG)) == BUNDLE


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("path", ["../../../../../../../proc/self/environ", "/proc/self/environ", "link.pem"])
def test_a_file_outside_of_the_project_is_never_a_bundle(run_fleet, monkeypatch, tmp_path, path, preview):
    """Finding 8: the environment of the run, with a certificate in some variable."""
    monkeypatch.setenv("SOME_CERTIFICATE", ONE)
    (tmp_path / "stacks/link.pem").symlink_to("/proc/self/environ")
    (line,) = run_fleet.refusal(STACK.replace("ca.pem", path), config=CONFIG, preview=preview)
    assert "may hold credentials of the run" in line or "leads out of the project" in line


@pytest.mark.parametrize("rest", [" " * 1_000_000, "\n" * 1_000_000, "-----BEGIN CERTIFICATE-----\n" * 30_000])
def test_a_certificate_without_an_end_is_refused_however_much_follows(rest):
    with pytest.raises(BadValue):
        certificates(f"-----BEGIN CERTIFICATE-----{rest}")
