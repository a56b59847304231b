"""What may be a bucket's name, and a store's address; and what is ours in a bucket, by whichever driver.

S3's rules and MinIO's together, so that a move is safe.

Sources: Amazon's "General purpose bucket naming rules"; MinIO's ``IsValidBucketName`` and its reserved names.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

BUCKET_NAME_MIN: Final = 3
BUCKET_NAME_MAX: Final = 63
BUCKET_NAME_PATTERN: Final = r"[a-z0-9]([-a-z0-9]|\.(?![-.])|-(?!\.)){1,61}[a-z0-9]"
"""What a name looks like, for editors; `bucket_name_problem` has the rest."""

RESERVED_TAGS: Final = ("ambient-components/", "aws:")
"""How keys of a bucket's tags begin that are this tool's own, and AWS's."""

EXPIRY_RULE: Final = "ambient-components-expire"
"""ID of our rule among a bucket's lifecycle rules; all others are somebody else's."""

ABORT_DAYS: Final = 7
"""Days after which the parts of an upload that nobody ended are deleted, by that rule."""

_ALLOWED: Final = (
    f"allowed: {BUCKET_NAME_MIN}-{BUCKET_NAME_MAX} of a-z 0-9 - and single dots, a letter or digit at both ends, such "
    "as payments-sessions"
)
_CHARACTERS = re.compile(r"[a-z0-9][-.a-z0-9]*[a-z0-9]")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an")
_RESERVED = ("minio",)


def bucket_name_problem(name: str) -> tuple[str, str] | None:
    """Say why a bucket can't be called this, or None; as problem and remedy."""
    if not BUCKET_NAME_MIN <= len(name) <= BUCKET_NAME_MAX or not _CHARACTERS.fullmatch(name):
        return "is not a name for a bucket", _ALLOWED
    if ".." in name or ".-" in name or "-." in name:
        return "has a dot beside a dot or a dash", _ALLOWED
    if _is_address(name):
        return "is an IP address, and no store takes that for a bucket", _ALLOWED
    for prefix in _RESERVED_PREFIXES:
        if name.startswith(prefix):
            return f"begins with {prefix!r}, which S3 keeps for itself", "choose another name"
    for suffix in _RESERVED_SUFFIXES:
        if name.endswith(suffix):
            return f"ends with {suffix!r}, which S3 keeps for itself", "choose another name"
    if name in _RESERVED:
        return "is a name that MinIO keeps for itself", "choose another name"
    return None


def endpoint_problem(url: str) -> tuple[str, str] | None:
    """Say why this can't be the address of a store, or None; as problem and remedy. The address is not quoted."""
    allowed = "allowed: https://HOST or http://HOST, with :PORT if it needs one, and nothing behind it"
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return "is not an address", allowed
    if parts.scheme not in ("http", "https"):
        return "has no scheme that a store is reached by", allowed
    if parts.username or parts.password:
        return "has credentials in it", "give them by accessKey and secretKey, and revoke these if they were committed"
    if not parts.hostname or not port_fits or re.search(r"\s", url):
        return "is not an address", allowed
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return "has something behind its host", f"{allowed}: the bucket has a field of its own"
    return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
