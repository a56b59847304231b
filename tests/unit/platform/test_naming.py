import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.platform import naming
from ambient_components.platform.contract import RESERVED_NAMESPACES, ROLES, Role
from ambient_components.platform.subjects import Subject, SubjectKind, parse_subject

# Table 1.6 of the platform contract: input, then S1, S2, S3 as the platform's Go code gives them.
TABLE = [
    ("my-ci-key", "my-ci-key", "my-ci-key"),
    ("Alice@Example.com", "alice-example-com", "alice-example-com"),
    ("system:authenticated", "system-authenticated", "system-authenticated"),
    (
        "system:serviceaccount:team-a:ci-bot",
        "team-a-ci-bot",
        "system-serviceaccount-team-a-ci-bot",
    ),
    ("kube:admin", "kube-admin", "kube-admin"),
    ("a__b..c--d", "a--b--c--d", "a-b-c-d"),
    ("Platform Team (EU)", "platform-team--eu", "platform-team-eu"),
    (
        "CN=Jane Doe,OU=Dev,DC=ex",
        "cn-jane-doe-ou-dev-dc-ex",
        "cn-jane-doe-ou-dev-dc-ex",
    ),
    ("--Édouard--", "douard", "douard"),
    ("日本", "", "group"),
    ("!!!", "", "group"),
    ("a" * 70, "a" * 40, "a" * 63),
    ("ab-" * 25, ("ab-" * 25)[:40], ("ab-" * 25)[:62]),
    ("a" * 39 + "@b", "a" * 39 + "-", "a" * 39 + "-b"),
    ("\u0130stanbul", "istanbul", "istanbul"),
]
# Not in the table, and each broke a plausible port: order of strip and cut, the Kelvin sign.
MORE = [
    ("-" + "a" * 70, "a" * 40, "a" * 62),
    ("\u212aelvin", "kelvin", "kelvin"),
    ("a-é-b", "a---b", "a-b"),
]

SUBJECTS = st.builds(
    Subject,
    st.sampled_from([SubjectKind.USER, SubjectKind.GROUP]),
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60),
)
KEY_IDS = st.from_regex(r"[a-z0-9]{1,20}(-[a-z0-9]{1,20}){0,2}", fullmatch=True)


@pytest.mark.parametrize(("text", "s1", "s2"), TABLE + MORE)
def test_sanitisers_agree_with_the_platform(text, s1, s2):
    got = (naming.sanitize_for_k8s_name(text), naming.sanitize_name(text))
    assert got == (s1, s2)


@given(st.text())
def test_sanitised_names_keep_to_their_alphabets_and_lengths(text):
    assert re.fullmatch(r"[a-z0-9-]{0,40}", naming.sanitize_for_k8s_name(text))
    assert re.fullmatch(r"(?=.{1,63}$)[a-z0-9]+(-[a-z0-9]+)*", naming.sanitize_name(text))


@given(SUBJECTS, st.sampled_from(ROLES))
def test_binding_names_are_legal_in_kubernetes(subject, role):
    # RBAC names are path segments: no slash, no percent sign, not . or ..
    for name in (naming.owner_binding(subject), naming.grant_binding(role, subject)):
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,252}", name)


@given(KEY_IDS, st.integers(1, 10**6))
def test_key_names_are_legal_in_kubernetes_and_show_the_id(key_id, generation):
    suffix = naming.key_suffix("payments", key_id, generation)
    account = naming.key_service_account(key_id, suffix)
    assert re.fullmatch(rf"ambient-key-{key_id}-[0-9a-f]{{8}}", account)
    assert naming.key_role_binding(Role.EDIT, account) == account.replace("ambient-key-", "ambient-key-edit-", 1)
    assert naming.token_secret_name(account, "a1") == f"{account}-a1"


def test_object_names_are_the_platforms():
    names = [
        naming.owner_binding(parse_subject("user:Alice@Example.com")),
        naming.owner_binding(parse_subject("serviceaccount:team-a:ci-bot")),
        naming.grant_binding(Role.VIEW, parse_subject("group:payments-devs")),
        naming.grant_binding(Role.ADMIN, parse_subject("user:bob@example.com")),
        naming.key_service_account("ci", "0123abcd"),
        naming.key_role_binding(Role.EDIT, "ambient-key-ci-0123abcd"),
    ]
    assert names == [
        "ambient-admin-alice-example-com",
        "ambient-admin-team-a-ci-bot",
        "ambient-permission-view-payments-devs-group",
        "ambient-permission-admin-bob-example-com-user",
        "ambient-key-ci-0123abcd",
        "ambient-key-edit-ci-0123abcd",
    ]


def test_key_suffix_never_changes_between_releases():
    assert naming.key_suffix("payments", "ci", 1) == "17a5b2bc"


def test_key_suffix_differs_by_workspace_id_and_generation():
    arguments = [("a", "b-c", 1), ("a-b", "c", 1), ("a", "b-c", 2), ("a", "b-c", 11), ("a", "b-c1", 1)]
    assert len({naming.key_suffix(*each) for each in arguments}) == len(arguments)


@pytest.mark.parametrize("serial", ["", "A", "a-b", "a.b", "a" * 250])
def test_handle_refuses_what_can_not_name_a_secret(serial):
    with pytest.raises(ValueError, match="is no name for a Secret; allowed: a serial of a-z 0-9"):
        naming.token_secret_name("ambient-key-ci-0123abcd", serial)


@given(st.from_regex(r"[a-z0-9A_.-]{0,66}", fullmatch=True) | st.text(max_size=5))
def test_workspace_names_are_those_that_both_platform_apis_take(name):
    """Contract 1.1, in its own words: V1's pattern and length, and V2's."""
    v1 = re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name) is not None and 1 <= len(name) <= 63
    v2 = 2 <= len(name) <= 63 and re.match("[a-z]", name) is not None
    assert (naming.workspace_name_problem(name) is None) == (v1 and v2)


@pytest.mark.parametrize("name", sorted(RESERVED_NAMESPACES))
def test_reserved_namespaces_are_refused(name):
    expected = f"{name!r} is reserved by Kubernetes or OpenShift; choose another name"
    assert "; ".join(naming.workspace_name_problem(name) or ()) == expected


@given(st.text("ab1-_.A", max_size=70) | KEY_IDS)
def test_key_ids_are_exactly_what_the_platforms_sanitiser_leaves_alone(key_id):
    assert (naming.key_id_problem(key_id) is None) == (naming.sanitize_name(key_id) == key_id)


NIGHTLY = "ambient-key-nightly-build-3f2a91bc"


def test_a_key_that_the_platform_made_keeps_its_names_in_its_first_generation():
    assert naming.key_account("pay", "ci", 1, NIGHTLY) == NIGHTLY
    assert naming.key_role_binding(Role.VIEW, NIGHTLY) == "ambient-key-view-nightly-build-3f2a91bc"
    assert naming.key_account("pay", "ci", 2, NIGHTLY) == naming.key_account("pay", "ci", 2)
    assert naming.key_account("payments", "ci", 1) == "ambient-key-ci-17a5b2bc"


@given(st.text(min_size=1, max_size=80), st.integers(0, 2**32 - 1))
def test_every_account_of_the_platform_is_recognised(name, digits):
    account = naming.key_service_account(name, f"{digits:08x}")
    assert naming.key_account_problem(account) is None
    assert naming.key_role_binding(Role.EDIT, account) == f"ambient-key-edit-{naming.sanitize_name(name)}-{digits:08x}"


@pytest.mark.parametrize(
    "account",
    [
        "",
        "default",
        "ambient-key-ci",
        "ambient-key--12345678",
        "ambient-key-ci-1234567",
        "ambient-key-ci-1234567G",
        "ambient-key-a--b-12345678",
        "x-ambient-key-ci-12345678",
        "ambient-key-ci-12345678\n",
        f"ambient-key-{'a' * 64}-12345678",
    ],
)
def test_another_account_is_not_of_the_platform(account):
    assert naming.key_account_problem(account)
