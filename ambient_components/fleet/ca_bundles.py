"""The CA bundles of a stack's workspaces, out of the files that it names.

The platform mounts a bundle over the system's own CA file (contract 3), so that what is not in it is not trusted: a
bundle with the company's certificate alone cuts every session off from the language model.
"""

import re
from pathlib import Path
from typing import Final

import pulumi

from ambient_components.errors import Problem, Problems, format_path
from ambient_components.spec import LoadedStack

MAX_BYTES: Final = 1_000_000
"""A ConfigMap takes 1 MiB with all that is around it; the public authorities are about 220 kB."""

PUBLIC_AT_LEAST: Final = 20
"""Fewer certificates than this are hardly the public ones and one's own."""

_CERTIFICATE: Final = re.compile(
    r"-----BEGIN (?:TRUSTED )?CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+-----END (?:TRUSTED )?CERTIFICATE-----"
)
_KEY: Final = "PRIVATE KEY-----"


def ca_bundles(stack: LoadedStack, problems: Problems) -> dict[str, str]:
    """Contents by workspace; what can't be used goes to `problems`, what is probably a mistake is a warning."""
    read: dict[Path, tuple[str, str, str]] = {}
    bundles, warned = {}, set()
    for name, workspace in sorted(stack.file.workspaces.items()):
        if workspace.settings.ca_bundle is None:
            continue
        path = ("workspaces", name, "settings", "caBundle", "file")
        where = stack.sources.value(path)
        file = Path(where.file).parent / workspace.settings.ca_bundle.file
        if file not in read:
            read[file] = _read(file)
        content, problem, remedy = read[file]
        if problem:
            problems.add(where, format_path(path), problem, remedy)
            continue
        bundles[name] = content
        count = len(_CERTIFICATE.findall(content))
        if count < PUBLIC_AT_LEAST and where not in warned:
            warned.add(where)
            pulumi.log.warn(
                str(
                    Problem(
                        where,
                        format_path(path),
                        f"has {count} certificate{'s' if count > 1 else ''}: it takes the place of the system's own "
                        "bundle, and sessions trust nothing else",
                        "put the public authorities into it as well (of /etc/ssl/certs/ca-certificates.crt)",
                    )
                )
            )
    return bundles


def _read(file: Path) -> tuple[str, str, str]:
    """Content, problem and remedy; one of the first two is empty."""
    remedy = "a file of PEM certificates is expected"
    try:
        content = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return "", f"there is no file {str(file)!r}", remedy
    except (OSError, UnicodeDecodeError):
        return "", f"the file {str(file)!r} can't be read as text", remedy
    if _KEY in content:
        # A ConfigMap, and plain in the state: never.
        return "", f"the file {str(file)!r} holds a private key", "keep the certificates only, and renew that key"
    if not _CERTIFICATE.search(content):
        return "", f"the file {str(file)!r} holds no certificate", remedy
    if len(content.encode()) > MAX_BYTES:
        return "", f"the file {str(file)!r} is larger than {MAX_BYTES:,} bytes", "remove what is not needed from it"
    return content, "", ""
