"""The CA bundles of a stack's workspaces, read from the files that the stack file names.

The platform mounts a bundle over the system's CA file (contract 3), so certificates outside the bundle are not trusted.
A bundle that has only the company's certificate cuts every session off from the language model.

A bundle is stored in a ConfigMap, in plain text, and so in the state. Only certificates are accepted: each is decoded,
parsed and encoded again. Text around them is dropped. Any other PEM block in the file is refused.
"""

import binascii
import re
import ssl
from collections.abc import Mapping
from typing import Final

from ambient_components.errors import BadValue, Remedy, reject
from ambient_components.model.stack import Workspace
from ambient_components.printable import counted
from ambient_components.rules.findings import Finding
from ambient_components.rules.warnings import WarningRule
from ambient_components.stackfile.places import BUNDLE, Project
from ambient_components.stackfile.regular import CA_BUNDLE_MAX, Unreadable

PUBLIC_AT_LEAST: Final = 20
"""The warning threshold: a bundle with fewer certificates probably lacks the public authorities."""

_BEGIN: Final = re.compile(r"-----BEGIN ([^\r\n]*?)-----")
_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----(?=\s)([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_LABEL: Final = "CERTIFICATE"
_SEQUENCE: Final = 0x30
_LONG_FORM: Final = 0x80
_EXPECTED: Final = "a file of PEM certificates is expected"


def ca_bundles(workspaces: Mapping[str, Workspace], project: Project) -> tuple[dict[str, str], list[Finding]]:
    """Return the bundles by workspace, and what is wrong with files, or probably a mistake."""
    read: dict[str, list[str] | tuple[str, Remedy]] = {}
    bundles: dict[str, str] = {}
    findings: list[Finding] = []
    for name, workspace in sorted(workspaces.items()):
        if workspace.settings.ca_bundle is None:
            continue
        path = ("workspaces", name, *BUNDLE)
        file = workspace.settings.ca_bundle.file
        if file not in read:
            read[file] = _read(project, file)
        content = read[file]
        if isinstance(content, tuple):
            findings.append(Finding(path, *content))
            continue
        bundles[name] = "".join(content)
        count = len(content)
        if count < PUBLIC_AT_LEAST:
            problem = (
                f"has {counted(count, 'certificate')}: it takes the place of the system's own bundle, "
                "and sessions trust nothing else"
            )
            remedy = "put the public authorities into it as well (of /etc/ssl/certs/ca-certificates.crt)"
            findings.append(Finding(path, problem, remedy, rule=WarningRule.FEW_CERTIFICATES))
    return bundles, findings


def _read(project: Project, file: str) -> list[str] | tuple[str, Remedy]:
    try:
        content = project.read(file, CA_BUNDLE_MAX)
    except Unreadable as error:
        if error.missing:
            return f"there is no file {file!r}", _EXPECTED
        return f"the file {file!r} {error.problem}", error.hint
    try:
        return certificates(content.decode())
    except UnicodeDecodeError:
        return f"the file {file!r} can't be read as text", _EXPECTED
    except BadValue as error:
        return f"the file {file!r} {error.problem}", error.hints


def certificates(text: str) -> list[str]:
    """Return the certificates of a text, each encoded again as PEM, and nothing else of the text."""
    labels = _BEGIN.findall(text)
    if any("PRIVATE KEY" in label for label in labels) or "PRIVATE KEY-----" in text:
        reject("holds a private key", "keep the certificates only, and renew that key")
    if any(label != _LABEL for label in labels):
        remedy = "remove it, or convert a TRUSTED CERTIFICATE by: openssl x509 -in FILE"
        reject("holds a PEM block that is not a certificate", remedy)
    blocks = _CERTIFICATE.findall(text)
    if not blocks:
        reject("holds no certificate", _EXPECTED)
    if len(blocks) != len(labels):
        reject("holds a certificate that is cut off or not base64", "export it again as PEM")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return [_certificate(block, number, context) for number, block in enumerate(blocks, 1)]


def _certificate(block: str, number: int, context: ssl.SSLContext) -> str:
    try:
        der = binascii.a2b_base64("".join(block.split()), strict_mode=True)
        if len(der) != _length(der):
            raise ValueError
        context.load_verify_locations(cadata=der)
    except (ValueError, ssl.SSLError):
        problem = f"holds no valid certificate in its block {number}"
        raise BadValue(problem, "export it again as PEM") from None
    return ssl.DER_cert_to_PEM_cert(der)


def _length(der: bytes) -> int:
    """Return the length of a DER sequence with its header, or -1.

    OpenSSL ignores trailing bytes, so the caller compares the length.
    """
    if len(der) < 2 or der[0] != _SEQUENCE:
        return -1
    if der[1] < _LONG_FORM:
        return 2 + der[1]
    size = der[1] - _LONG_FORM
    return 2 + size + int.from_bytes(der[2 : 2 + size], "big")
