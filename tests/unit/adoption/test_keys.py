"""Keys: the platform's own are adopted under their names, and what is no whole key is noted."""

from datetime import UTC, datetime

import pytest

from ambient_components.model.keys import Key
from ambient_components.platform.naming import key_id_problem
from tests.support.existing import OWNER, binding, key, namespace, of_pay, own_key, rules


def account(objects):
    return objects[0]["metadata"]["name"]


def test_a_key_of_the_ui_keeps_its_account_and_says_only_what_differs():
    ci = key("pay", "ci")
    workspace = of_pay(*ci)
    assert workspace.entry["keys"] == {"ci": {"serviceAccount": account(ci)}}
    assert workspace.key_use == {"ci": None}


def test_name_description_and_role_are_there_where_they_differ():
    made = key("pay", "GitHub Actions", "view", "Deploys on merge", used="2026-11-01T08:00:00Z")
    workspace = of_pay(*made)
    assert workspace.entry["keys"] == {
        "github-actions": {
            "name": "GitHub Actions",
            "description": "Deploys on merge",
            "role": "view",
            "serviceAccount": account(made),
        }
    }
    assert workspace.key_use == {"github-actions": datetime(2026, 11, 1, 8, tzinfo=UTC)}


@pytest.mark.parametrize("name", ["x" * 200, "日本", "!!!", "-", "a" * 62 + "-b", "İ"])
def test_any_name_becomes_a_valid_id(name):
    workspace = of_pay(*key("pay", name), *key("pay", name, "view"))
    assert len(workspace.entry["keys"]) == 2
    assert all(key_id_problem(key_id) is None for key_id in workspace.entry["keys"])


def test_of_a_name_that_is_too_long_the_entry_keeps_the_beginning():
    workspace = of_pay(*key("pay", "x" * 70, description="\U0001f469" * 300))
    assert rules(workspace).count("keyText") == 2
    kept = workspace.entry["keys"]["x" * 63]
    assert (kept["name"], kept["description"]) == ("x" * 64, "\U0001f469" * 200)


@pytest.mark.parametrize("name", ["sk-ant-hunter2hunter2", "ghp_hunter2hunter2", "CI eyJhunter2hunter2"])
def test_a_key_with_a_credential_as_its_name_stays_out_for_its_account_has_it_too(name):
    made = key("pay", name)
    by_hand = binding("pay", "by-hand", "admin", f"serviceaccount:pay:{account(made)}")
    workspace = of_pay(*made, by_hand, *key("pay", "ci"))
    assert [*workspace.entry["keys"]] == ["ci"]
    assert rules(workspace) == ["keyText", "keyExpiry", "keyUser"]
    assert "(1): their access (admin, edit) and their tokens stay valid" in workspace.notes[0].what
    assert "hunter2" not in repr(workspace)


def test_a_description_that_looks_like_a_credential_is_left_out():
    made = key("pay", "ci", description="token sk-ant-hunter2hunter2")
    workspace = of_pay(*made)
    assert workspace.entry["keys"] == {"ci": {"serviceAccount": account(made)}}
    assert rules(workspace) == ["keyText", "keyExpiry", "keyUser"]
    assert "hunter2" not in repr(workspace)


def test_half_a_key_is_not_declared():
    workspace = of_pay(key("pay", "ci")[0])
    assert "keys" not in workspace.entry
    assert rules(workspace) == ["keyWithoutRole"]
    assert "kubectl delete serviceaccount --namespace pay ambient-key-ci-" in workspace.notes[0].hints[0]


def test_a_key_with_a_foreign_binding_is_not_declared():
    made = key("pay", "ci")[0]
    workspace = of_pay(made, binding("pay", "by-hand", "admin", f"serviceaccount:pay:{made['metadata']['name']}"))
    assert "keys" not in workspace.entry
    (note,) = workspace.notes
    assert (note.rule, note.role) == ("keyBinding", "admin")


@pytest.mark.parametrize("name", ["robot", "ambient-key-ci", "ambient-key-c.i-01234567", "ambient-key--01234567"])
def test_an_account_of_another_name_with_the_platforms_label_is_no_key_that_can_be_declared(name):
    made = key("pay", "ci")
    made[0]["metadata"]["name"] = name
    made[1]["metadata"]["name"] = f"ambient-key-edit-{name.removeprefix('ambient-key-')}"
    made[1]["subjects"][0]["name"] = made[0]["metadata"]["name"]
    workspace = of_pay(*made)
    assert "keys" not in workspace.entry
    assert rules(workspace) == ["keyBinding"]


RELEASED = namespace("pay", annotations={"ambient-components/released-by": "app/old"})


@pytest.mark.parametrize("annotation", ["released-by", "owner"])
def test_a_key_of_this_tool_in_a_workspace_of_a_stack_keeps_its_generation(annotation):
    made = own_key("pay", "ci", "edit", generation=3)
    workspace = of_pay(namespace("pay", annotations={f"ambient-components/{annotation}": OWNER}), *made)
    assert workspace.entry["keys"] == {"ci": {"generation": 3, "adopt": [account(made)]}}


def test_a_key_of_this_tool_keeps_the_user_that_it_acts_for():
    made = own_key("pay", "ci")
    made[0]["metadata"]["annotations"]["ambient-code.io/created-by-user-id"] = "ci-robot"
    assert of_pay(RELEASED, *made).entry["keys"] == {"ci": {"adopt": [account(made)], "actsAs": "ci-robot"}}


@pytest.mark.parametrize("annotations", [{}, {"ambient-components/released-by": ""}])
def test_where_no_stack_has_been_our_names_are_names_like_any_other(annotations):
    first, second = own_key("pay", "ci"), own_key("pay", "cd")
    workspace = of_pay(namespace("pay", annotations=annotations), *first, *second)
    assert workspace.entry["keys"] == {
        "cd-2": {"name": "cd", "serviceAccount": account(second)},
        "ci-2": {"name": "ci", "serviceAccount": account(first)},
    }
    assert "cd-2, ci-2" in workspace.notes[0].what
    assert rules(workspace) == ["keyExpiry"]


def test_no_later_generation_of_an_adopted_key_gets_the_adopted_account():
    prepared = own_key("pay", "ci", generation=2)
    workspace = of_pay(*prepared)
    assert workspace.entry["keys"] == {"ci-2": {"name": "ci", "serviceAccount": account(prepared)}}
    (entry,) = [Key.model_validate(fields) for fields in workspace.entry["keys"].values()]
    assert len({entry.account("pay", "ci-2", generation) for generation in range(1, 50)}) == 49


def test_of_two_generations_the_newest_is_the_key():
    former, current = own_key("pay", "ci", generation=1), own_key("pay", "ci", generation=2)
    workspace = of_pay(RELEASED, *former, *current)
    assert workspace.entry["keys"] == {"ci": {"generation": 2, "adopt": [account(current)]}}
    assert "keyBinding" in rules(workspace)


@pytest.mark.parametrize("used", ["yesterday", "9999-12-31T23:59:59-23:59", "2026-01-01", "x" * 5000])
def test_a_last_use_that_is_no_time_is_unknown(used):
    assert of_pay(*key("pay", "ci", used=used)).key_use == {"ci": None}


def test_a_key_that_is_being_deleted_is_not_declared():
    made = key("pay", "ci")
    made[0]["metadata"]["deletionTimestamp"] = "2026-11-01T00:00:00Z"
    workspace = of_pay(*made)
    assert "keys" not in workspace.entry
    assert rules(workspace) == ["otherOwner"]
