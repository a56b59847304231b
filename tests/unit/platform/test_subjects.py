import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.platform.subjects import Subject, SubjectKind, parse_subject

FORMS = "user:NAME, group:NAME or serviceaccount:NAMESPACE:NAME"
BYTES = "allowed: 1-253 bytes without control characters"
USABLE = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("user:alice@example.com", Subject(SubjectKind.USER, "alice@example.com")),
        ("user: Alice ", Subject(SubjectKind.USER, " Alice ")),
        ("group:system:authenticated", Subject(SubjectKind.GROUP, "system:authenticated")),
        ("serviceaccount:team-a:ci.bot", Subject(SubjectKind.SERVICE_ACCOUNT, "ci.bot", "team-a")),
        ("user:" + "é" * 126 + "a", Subject(SubjectKind.USER, "é" * 126 + "a")),
    ],
)
def test_subjects_are_read_verbatim(text, subject):
    assert (parse_subject(text), str(subject)) == (subject, text)


@given(st.sampled_from([SubjectKind.USER, SubjectKind.GROUP]), USABLE)
def test_every_subject_reads_back_as_itself(kind, name):
    subject = Subject(kind, name)
    assert parse_subject(str(subject)) == subject


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bob", f"'bob' is not a subject; allowed: {FORMS}"),
        ("", f"'' is not a subject; allowed: {FORMS}"),
        ("User:bob", f"'User:bob' is not a subject; allowed: {FORMS}"),
        ("robot:bob", f"'robot:bob' is not a subject; allowed: {FORMS}"),
        ("user:", f"the name is empty; {BYTES}"),
        ("user:a\tb", f"'a\\tb' has a control character; {BYTES}"),
        ("user:a\x85b", f"'a\\x85b' has a control character; {BYTES}"),
        ("user:a\ud800", f"'a\\ud800' has a control character; {BYTES}"),
        ("group:" + "é" * 127, f"the name has 254 bytes; {BYTES}"),
        ("serviceaccount:bot", f"'serviceaccount:bot' is not a subject: the namespace is missing; allowed: {FORMS}"),
        ("serviceaccount:A:bot", "'A' is not a namespace; allowed: 1-63 of a-z 0-9 -, no dash at either end"),
        (
            "serviceaccount:" + "a" * 64 + ":bot",
            f"'{'a' * 64}' is not a namespace; allowed: 1-63 of a-z 0-9 -, no dash at either end",
        ),
        (
            "serviceaccount:a:b:c",
            "'b:c' is not the name of a ServiceAccount; allowed: 1-253 of a-z 0-9 - and ., "
            "each part between dots without a dash at either end",
        ),
    ],
)
def test_what_is_no_subject_is_refused_with_what_is_allowed(text, message):
    with pytest.raises(ValueError, match=rf"^{re.escape(message)}\Z"):
        parse_subject(text)


@pytest.mark.parametrize(
    ("kind", "namespace"), [(SubjectKind.USER, "ns"), (SubjectKind.GROUP, "ns"), (SubjectKind.SERVICE_ACCOUNT, None)]
)
def test_a_namespace_belongs_to_a_service_account_alone(kind, namespace):
    with pytest.raises(ValueError, match="a namespace belongs to a ServiceAccount, and only to one"):
        Subject(kind, "x", namespace)


@pytest.mark.parametrize(
    ("text", "entry", "platform_name"),
    [
        ("user:bob", {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "bob"}, "bob"),
        ("group:devs", {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "devs"}, "devs"),
        (
            "serviceaccount:a:b",
            {"kind": "ServiceAccount", "name": "b", "namespace": "a"},
            "system:serviceaccount:a:b",
        ),
    ],
)
def test_subjects_become_rbac_entries(text, entry, platform_name):
    subject = parse_subject(text)
    assert (subject.rbac_subject(), subject.platform_name) == (entry, platform_name)
