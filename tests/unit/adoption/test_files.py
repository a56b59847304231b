"""The files of an adoption: which file has what, in which form, and what is left alone."""

import pytest

from ambient_components.adoption.files import Layout, block, texts
from ambient_components.adoption.notes import Note, NoteRule
from ambient_components.adoption.workspaces import ExistingWorkspace
from ambient_components.errors import AmbientError
from ambient_components.stackfile.loader import parse_stack
from ambient_components.stackfile.yaml.reader import parse_yaml

ENTRY = {
    "adopt": True,
    "owners": ["user:alice@example.com"],
    "grants": [{"group": "devs", "role": "edit"}, {"user": "no", "role": "view"}],
    "labels": {"team": "data"},
}
PAY = ExistingWorkspace("pay", ENTRY)


def test_an_entry_is_yaml_that_people_write() -> None:
    assert block(PAY) == (
        "pay:\n"
        "  adopt: true\n"
        "  owners: ['user:alice@example.com']\n"
        "  grants:\n"
        "    - {group: devs, role: edit}\n"
        "    - {user: 'no', role: view}\n"
        "  labels: {team: data}\n"
    )


def test_what_an_entry_cannot_say_is_a_comment_at_its_top() -> None:
    notes = (
        Note("pay", NoteRule.OTHER_BINDING, "RoleBinding x\nadopt: false gives edit to user:bob", ("delete it",)),
        Note("pay", NoteRule.KEY_EXPIRY, "word " * 60),
    )
    workspace = ExistingWorkspace(
        "pay", {"adopt": True}, notes, secret_names={"runner": ("ANTHROPIC_API_KEY",), "storage": ("S3_BUCKET",)}
    )
    text = block(workspace)
    assert parse_yaml(text, "f").data == {"pay": {"adopt": True}}
    assert text.startswith("pay:\n  # - RoleBinding x\\nadopt: false gives edit to user:bob\n  #   hint: delete it\n")
    assert text.endswith(
        "  # secrets:\n  #   runner:\n  #     ANTHROPIC_API_KEY: {config: pay/ANTHROPIC_API_KEY}\n  adopt: true\n"
    )
    assert max(map(len, text.splitlines())) <= 118
    filled = "".join(
        line.replace("# ", "", 1) if "secrets:" in line or "runner:" in line or "config:" in line else line
        for line in text.splitlines(keepends=True)
    )
    assert parse_stack("workspaces:\n" + "".join(f"  {line}\n" for line in filled.splitlines()), "f.yaml")


def arrange(layout: Layout, **current: str) -> dict[str, str]:
    there = {name.replace("__", "/") + ".yaml": text for name, text in current.items()}
    return texts("dev", layout, [PAY], there.get)


def test_a_new_stack_file_includes_the_folder_of_its_entries() -> None:
    files = arrange(Layout.PER_WORKSPACE)
    assert sorted(files) == ["dev.yaml", "dev/pay.yaml"]
    assert parse_yaml(files["dev.yaml"], "f").data == {
        "include": ["dev/*.yaml"], "guardrails": {"adopt": ["pay"]}, "workspaces": {},
    }  # fmt: skip
    assert files["dev/pay.yaml"].startswith("# yaml-language-server: $schema=../stack.schema.json\n")


def test_existing_files_keep_their_text_and_get_no_defaults() -> None:
    before = "# ours\ndefaults: {protect: false}\nworkspaces:\n  a: {}  # of a\n"
    assert arrange(Layout.ONE, dev=before)["dev.yaml"].startswith(before)
    files = arrange(Layout.PER_WORKSPACE, dev=before)
    assert files["dev.yaml"] == f"{before}\ninclude: [dev/*.yaml]\n\nguardrails:\n  adopt: [pay]\n"
    named = "include: [dev/*.yaml]\nguardrails: {adopt: [pay]}\nworkspaces: {}\n"
    assert sorted(arrange(Layout.PER_WORKSPACE, dev=named)) == ["dev/pay.yaml"]


@pytest.mark.parametrize(
    ("guardrails", "after"),
    [
        ("guardrails: {}", "guardrails: {adopt: [pay]}"),
        ("guardrails: {maxKeys: 3}", "guardrails: {maxKeys: 3, adopt: [pay]}"),
        ("guardrails:\n  adopt:\n    - old  # by us", "guardrails:\n  adopt:\n    - old  # by us\n    - pay"),
        ("guardrails: {adopt: [old, older]}", "guardrails: {adopt: [old, older, pay]}"),
    ],
)
def test_the_stack_file_names_what_an_included_file_takes_over(guardrails: str, after: str) -> None:
    rest = "include: [dev/*.yaml]\nworkspaces: {}\n"
    assert arrange(Layout.PER_WORKSPACE, dev=f"{guardrails}\n{rest}")["dev.yaml"] == f"{after}\n{rest}"


def test_a_stack_file_that_includes_other_files_says_what_to_add() -> None:
    with pytest.raises(AmbientError, match=r"dev/\*\.yaml"):
        arrange(Layout.PER_WORKSPACE, dev="include: [teams/*.yaml]\nworkspaces: {}\n")
