"""The guard's names: tables are whole, paths exist, annotations are what the policies read."""

from ambient_components.rules.guard import (
    OFF_BY_DEFAULT,
    POLICIES,
    SWITCHES,
    GuardMode,
    GuardTopic,
    binding_names,
    guard_annotations,
    spec_digest,
)


def test_every_topic_has_a_policy() -> None:
    assert set(GuardTopic) == set(POLICIES.values())


def test_what_is_off_by_default_has_a_switch() -> None:
    assert set(OFF_BY_DEFAULT) <= set(SWITCHES)


def test_the_policy_on_namespaces_has_one_binding_and_the_others_one_a_mode() -> None:
    assert binding_names("workspaces") == {"ambient-guard-workspaces": None}
    assert binding_names("tokens") == {f"ambient-guard-tokens-{mode}": mode for mode in GuardMode}
    assert sum(len(binding_names(policy)) for policy in POLICIES) == 43


def test_annotations_have_sorted_lists_and_no_empty_values() -> None:
    assert guard_annotations("own", []) == {"ambient-components/guard-sharing": "own"}
    assert guard_annotations("none", ["ties", "jobs"], keys=["nightly", "ci"], accounts=["bot"], file="a.yaml") == {
        "ambient-components/guard-sharing": "none",
        "ambient-components/guard-off": "jobs,ties",
        "ambient-components/guard-keys": "ci,nightly",
        "ambient-components/guard-accounts": "bot",
        "ambient-components/guard-file": "a.yaml",
    }


def test_a_digest_depends_on_values_and_not_on_the_order_of_fields() -> None:
    assert spec_digest({"a": 1, "b": [2]}) == spec_digest({"b": [2], "a": 1}) != spec_digest({"a": 1, "b": [3]})
