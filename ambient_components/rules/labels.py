"""Labels and annotations that a stack file may set on a namespace: Kubernetes' syntax and reserved keys."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ambient_components.errors import Remedy
from ambient_components.rules.findings import Finding, spell, verdict_finding

LABEL_KEY_PATTERN: Final = (
    r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
"""Names of labels and annotations (Kubernetes' qualified names); the prefix before the slash has up to 253 characters.
"""

LABEL_VALUE_PATTERN: Final = r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
"""Values of labels, up to 63 characters."""

ANNOTATIONS_MAX_BYTES: Final = 256 * 1024
"""Kubernetes' limit in bytes of UTF-8 for all keys and values of one object's annotations together."""

_PREFIX_MAX: Final = 253
_LOST: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_KEY_FORMS: Final = "allowed: [PREFIX/]NAME, the name 1-63 of A-Z a-z 0-9 - _ ., such as example.com/cost-center"

# Domains with their subdomains; the first match decides.
_OPENSHIFT_FIELDS: Final = {"openshift.io/display-name": "display_name", "openshift.io/description": "description"}
_RESERVED: Final = (
    ("ambient-code.io", "the platform"),
    ("ambient-code", "the platform"),
    ("ambient-components", "this tool"),
    ("openshift.io", "OpenShift"),
    ("pulumi.com", "Pulumi"),
    ("kubernetes.io", "Kubernetes"),
    ("k8s.io", "Kubernetes"),
)
_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
_POD_SECURITY: Final = "pod-security.kubernetes.io"
# Prefixes in Kubernetes' domains for users: recommended labels, and node selectors and tolerations of admission.
_OPEN_PREFIXES: Final = ("app.kubernetes.io", "scheduler.alpha.kubernetes.io")


def key_problem(key: str) -> tuple[str, str] | None:
    """Return problem and remedy if a namespace cannot have a label or annotation with this key; None otherwise.

    Keys of the platform (contract 0), OpenShift, Kubernetes, Pulumi and this tool are reserved: two writers of one key
    would overwrite each other in every run.
    """
    prefix, slash, _ = key.rpartition("/")
    if not re.fullmatch(LABEL_KEY_PATTERN, key) or len(prefix) > _PREFIX_MAX:
        return f"{key!r} can't be the key of a label or annotation", _KEY_FORMS
    if not slash:
        return None
    if prefix == _POD_SECURITY:
        field = spell("pod_security")
        return f"{key!r} is reserved for {field}", f"set {field}: baseline or privileged"
    if key in _OPENSHIFT_FIELDS:
        field = spell(_OPENSHIFT_FIELDS[key])
        return f"{key!r} is reserved for {field}", f"set {field}"
    if key == _MANAGED_BY:
        return f"{key!r} is reserved for the platform", "remove it"
    if prefix in _OPEN_PREFIXES:
        return None
    for domain, owner in _RESERVED:
        if prefix == domain or prefix.endswith(f".{domain}"):
            return f"{key!r} is reserved for {owner}", "remove it, or use a prefix of your own"
    return None


def label_value_problem(value: str) -> tuple[str, Remedy] | None:
    if re.fullmatch(LABEL_VALUE_PATTERN, value):
        return None
    remedy = "allowed: up to 63 of A-Z a-z 0-9 - _ ., a letter or digit at both ends", "write any text as an annotation"
    return f"{value!r} can't be the value of a label", remedy


def annotation_value_problem(value: str) -> tuple[str, str] | None:
    """Return problem and remedy if a namespace cannot keep a text in an annotation; None otherwise.

    The Kubernetes plugin applies objects as YAML: control characters are refused, and U+0085 becomes a space.
    """
    control = _LOST.search(value)
    if control is None:
        return None
    problem = f"has a character that does not reach the cluster, U+{ord(control[0]):04X}"
    return problem, "remove it: of control characters, tabs and line breaks are allowed"


def annotations_problem(annotations: Mapping[str, str]) -> tuple[str, str] | None:
    total = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if total <= ANNOTATIONS_MAX_BYTES:
        return None
    return f"has {total} bytes", f"allowed: up to {ANNOTATIONS_MAX_BYTES} of all annotations together"


def note_findings(labels: Mapping[str, str], annotations: Mapping[str, str]) -> Iterator[Finding]:
    """Find labels and annotations with invalid syntax or reserved keys."""
    for key, value in labels.items():
        yield from verdict_finding(("labels", key), key_problem(key), at_key=True)
        yield from verdict_finding(("labels", key), label_value_problem(value))
    for key, value in annotations.items():
        yield from verdict_finding(("annotations", key), key_problem(key), at_key=True)
        yield from verdict_finding(("annotations", key), annotation_value_problem(value))
    yield from verdict_finding(("annotations",), annotations_problem(annotations))


def text_findings(texts: Mapping[str, str]) -> Iterator[Finding]:
    """Find texts that the namespace cannot keep, by the names of their fields."""
    for name, text in texts.items():
        yield from verdict_finding((name,), annotation_value_problem(text))
