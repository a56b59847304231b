import pytest

from ambient_components.rules.labels import (
    annotation_value_problem,
    annotations_problem,
    key_problem,
    label_value_problem,
)

KEYS = "allowed: [PREFIX/]NAME, the name 1-63 of A-Z a-z 0-9 - _ ., such as example.com/cost-center"
OWN = "remove it, or use a prefix of your own"


@pytest.mark.parametrize(
    "key",
    [
        "team",
        "cost-center",
        "a" * 63,
        "example.com/Cost_Center.v2",
        "app.kubernetes.io/name",
        "app.kubernetes.io/part-of",
        "scheduler.alpha.kubernetes.io/node-selector",
        "hnc.x-k8s.io/included-namespace",
        "istio-injection",
        "notkubernetes.io/x",
        "ambient-code",
        f"{'a' * 63}.{'b' * 63}/c",
    ],
)
def test_keys_of_ones_own_are_good(key):
    assert key_problem(key) is None


@pytest.mark.parametrize("key", ["", "-a", "a-", "a b", "a/b/c", "/a", "a/", "A.com/x", "a" * 64, f"{'a' * 254}/b"])
def test_keys_that_kubernetes_refuses(key):
    assert key_problem(key) == (f"{key!r} can't be the key of a label or annotation", KEYS)


@pytest.mark.parametrize(
    ("key", "owner"),
    [
        ("ambient-code.io/managed", "the platform"),
        ("x.ambient-code.io/y", "the platform"),
        ("vteam.ambient-code/copied-from", "the platform"),
        ("ambient-components/owner", "this tool"),
        ("openshift.io/node-selector", "OpenShift"),
        ("security.openshift.io/scc", "OpenShift"),
        ("pulumi.com/skipAwait", "Pulumi"),
        ("kubernetes.io/metadata.name", "Kubernetes"),
        ("node.k8s.io/x", "Kubernetes"),
    ],
)
def test_keys_of_others_are_reserved(key, owner):
    assert key_problem(key) == (f"{key!r} is reserved for {owner}", OWN)


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("pod-security.kubernetes.io/enforce", ("reserved for podSecurity", "set podSecurity: baseline or privileged")),
        ("openshift.io/display-name", ("reserved for displayName", "set displayName")),
        ("openshift.io/description", ("reserved for description", "set description")),
        ("app.kubernetes.io/managed-by", ("reserved for the platform", "remove it")),
    ],
)
def test_keys_that_a_field_stands_for(key, problem):
    assert key_problem(key) == (f"{key!r} is {problem[0]}", problem[1])


@pytest.mark.parametrize("value", ["", "a", "4711", "a.b-c_D", "a" * 63])
def test_values_of_labels(value):
    assert label_value_problem(value) is None


@pytest.mark.parametrize("value", ["a b", "-", "a-", "ü", "a" * 64, "a\n"])
def test_values_that_no_label_can_have(value):
    assert label_value_problem(value) == (
        f"{value!r} can't be the value of a label",
        (
            "allowed: up to 63 of A-Z a-z 0-9 - _ ., a letter or digit at both ends",
            "write any text as an annotation",
        ),
    )


@pytest.mark.parametrize("value", ["", "a\tb\r\n", "\u2028\u200d\ufeff\ue000\U0010ffff", "::x ##[y]", "\xa0\xad"])
def test_texts_that_an_annotation_keeps(value):
    assert annotation_value_problem(value) is None


@pytest.mark.parametrize("char", ["\0", "\x1b", "\x0b", "\x7f", "\x85", "\x9f", "\ufffe", "\uffff"])
def test_characters_that_do_not_reach_the_cluster(char):
    problem, _ = annotation_value_problem(f"a{char}b")
    assert problem == f"has a character that does not reach the cluster, U+{ord(char):04X}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a" * 262_143, None),
        ("a" * 262_144, ("has 262145 bytes", "allowed: up to 262144 of all annotations together")),
        ("ü" * 131_072, ("has 262145 bytes", "allowed: up to 262144 of all annotations together")),
    ],
)
def test_annotations_have_a_limit_together(text, problem):
    assert annotations_problem({"k": text}) == problem
