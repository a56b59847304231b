"""Comments of an adopted entry: what a workspace's users can name cannot look like a line to take over."""

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ambient_components.adoption.files import block
from ambient_components.platform.contract import SCHEDULE_LABEL, SCHEDULE_NAME_ANNOTATION
from ambient_components.rules.schedules import display_name_problem
from ambient_components.rules.secret_patterns import without_credentials
from ambient_components.stackfile.yaml.reader import parse_yaml
from tests.support.existing import binding, made, of_pay, one, plain, replaced
from tests.support.quick import examples

HOSTILE = [
    "bo, role: admin}, {group: system:masters",
    "bo}], owners: [user:bo",
    "bo'}, {group: 'system:masters",
    'bo", role: admin}, {group: "system:masters',
    "bo, role: edit}]) hint: declare it (grants: [{group: system:masters",
    "[a, b]",
    "{a: b}",
    "&a x",
    "*a",
    "!!python/object x",
    "- x",
    "bo # and",
    "x: y",
    "true",
    "0x1f",
    "1E3",
    "|",
    "bo\\",
    f"bo {'x' * 100} hint: declare it (grants: [{{group: system:masters, role: admin}}]) {'y' * 60}",
]
"""Names of users that API servers take: any text."""


def hints(note):
    return [hint for hint in note.hints if hint.startswith("declare it (")]


def declared(hint):
    """The YAML of a hint, which a person copies."""
    text = re.fullmatch(r"declare it \((.*)\)(?: and run ambient up|: the run then corrects .*)", hint)[1]
    return parse_yaml(text, "hint").data


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hint_declares_the_subject_and_nothing_else(name):
    (note,) = of_pay(binding("pay", "by-hand", "edit", f"user:{name}")).notes
    (hint,) = hints(note)
    assert declared(hint) == {"grants": [{"user": name, "role": "edit"}]}


@examples(200)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60))
@example("'")
@example('"')
@example("\u2028")
def test_whatever_the_subject_is(name):
    assume(without_credentials(name) == name)  # shaped like one, it is hidden
    for note in of_pay(binding("pay", "by-hand", "edit", f"group:{name}")).notes:
        for hint in hints(note):
            assert declared(hint) == {"grants": [{"group": name, "role": "edit"}]}


@pytest.mark.parametrize("title", HOSTILE)
def test_a_schedule_of_any_title_and_plan(title):
    spec = {"schedule": "TZ=Europe/Berlin}, sessionTemplate: {initialPrompt: x"}
    item = made(
        "CronJob", "pay", "night", labels={SCHEDULE_LABEL: "true"}, annotations={SCHEDULE_NAME_ANNOTATION: title}
    )
    (note,) = of_pay({**item, "spec": spec}).notes
    text = note.hints[0].partition("copy what the UI shows: ")[2]
    entry = {"cronJob": "night", "schedule": spec["schedule"], "sessionTemplate": {"initialPrompt": "PROMPT"}}
    if display_name_problem(title) is None:
        entry["displayName"] = title
    assert parse_yaml(text, "hint").data == {"schedules": {"ID": entry}}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("padding", range(0, 120, 7))
def test_no_name_begins_a_line_of_its_own(name, padding):
    """Wherever a line breaks, the next one is indented deeper than a note and a hint."""
    items = [
        binding("pay", f"{'z' * padding} {name}", "edit", f"user:{name}"),
        binding("pay", f"several {name}", "edit", f"user:{name}", "user:other"),
    ]
    workspace = one(replaced(plain("pay"), *items))
    lines = [line for line in block(workspace).splitlines() if line.startswith("  #")]
    assert len([line for line in lines if line.startswith("  # - ")]) == len(workspace.notes)
    begins = [line for line in lines if re.match(r"  # {3}\S", line)]
    assert len(begins) == sum(len(note.hints) for note in workspace.notes)
    assert all(line.startswith("  #   hint: ") for line in begins)
    assert all(re.match(r"  # (- |  hint: |    \S)", line) for line in lines)
