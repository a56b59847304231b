"""The text of an entry is the entry: the strict reader takes every text that a cluster can have."""

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from ambient_components.adoption.files import block
from ambient_components.printable import has_log_command
from ambient_components.stackfile.yaml.reader import parse_yaml
from tests.support.existing import binding, flags, key, namespace, one, plain, replaced, settings, shared
from tests.support.quick import examples

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


def lived_in(texts, name, description, title):
    notes = {f"example.com/x{number}": text for number, text in enumerate(texts)}
    space = namespace("pay", annotations={**notes, "openshift.io/display-name": title})
    items = [*key("pay", name, "view", description), binding("pay", name or "x", "view", "user:bob")]
    return one(replaced(plain("pay"), space, *items), openshift=True)


@examples(300)
@given(st.lists(TEXTS, max_size=3), TEXTS, TEXTS, TEXTS)
@example([], "", "", "\x85")
@example(["\u2028a", "a\u200bb"], "a\n# b", "- c: d", "e: f #")
@example(["1E3", "123e4", "12e03"], "7e1", "1E3", "12e03")
@example(["1e400", "0e0", "-1E-3"], "1E+3", "08", "1_000")
def test_what_is_written_is_read_as_the_entry(texts, name, description, title):
    found = lived_in(texts, name, description, title)
    text = block(found)
    assert yaml.safe_load(text) == {"pay": found.entry}
    parsed = parse_yaml(text, "x.yaml")
    assert (parsed.data, [*parsed.problems]) == ({"pay": found.entry}, [])


@pytest.mark.parametrize(
    "text", ["##[", "##[ " * 60, "##vso[task.setvariable variable=a]b", "a\\##[error]b", "# ##[\n##[x]"]
)
def test_no_ci_runner_takes_a_text_for_a_command(text):
    found = lived_in([text], "ci", text, text)
    written = block(found)
    assert not has_log_command(written)
    parsed = parse_yaml(written, "x.yaml")
    assert (parsed.data, [*parsed.problems]) == ({"pay": found.entry}, [])
    assert found.entry["annotations"]["example.com/x0"] == text


def test_what_only_looks_like_a_number_is_text():
    digits = {"example.com/build": "12e03", "1e5": "7e1"}
    items = [namespace("pay", digits), shared("pay", "user:1e3"), *key("pay", "1E3")]
    workspace = one(replaced(plain("pay"), *items))
    assert workspace.entry["labels"] == digits
    assert workspace.entry["grants"] == [{"user": "1e3", "role": "view"}]
    assert workspace.entry["keys"]["1e3"]["name"] == "1E3"
    parsed = parse_yaml(block(workspace), "x.yaml")
    assert (parsed.data, [*parsed.problems]) == ({"pay": workspace.entry}, [])


def test_no_credential_that_a_user_wrote_anywhere_is_in_the_text():
    token = "sk-ant-hunter2hunter2"
    space = namespace(
        "pay", annotations={"openshift.io/display-name": token, f"a/{token}": "x", "db-password": "hunter2"}
    )
    items = [
        *key("pay", token), *key("pay", "ci", description=token), flags("pay", **{token: "true"}),
        binding("pay", token, "edit", "user:bob"), binding("pay", "x", f"Role/{token}", "user:bob"),
        settings("pay", mcpServers={"custom": {"a": {"type": "stdio", "command": "x", "args": ["--key", "hunter2"]}}}),
    ]  # fmt: skip
    assert "hunter2" not in block(one(replaced(plain("pay"), space, *items), openshift=True))


def test_letters_of_people_are_written_and_what_is_invisible_is_an_escape():
    text = block(lived_in(["Größe"], "ci", "", "a\u200bb"))
    assert "example.com/x0: Größe" in text
    assert "a\\u200Bb" in text
