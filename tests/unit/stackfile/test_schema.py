from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ambient_components.cli.schema import schema
from ambient_components.model.stack import StackFile
from ambient_components.plan.document import schema_text as plan_schema_text
from ambient_components.platform.naming import key_id_problem, workspace_name_problem
from ambient_components.stackfile.checks.names import check_stack
from ambient_components.stackfile.schema import SCHEMA_FILE, schema_text, stack_schema
from tests.support.field_tables import reference_text
from tests.support.json_schema import faults

ROOT = Path(__file__).parents[3]
SCHEMA = stack_schema()
UPDATE = ".venv/bin/pytest tests/unit/stackfile/test_schema.py --update-golden"


def refused_by_schema(data) -> bool:
    return bool(faults(data, SCHEMA, SCHEMA))


def refused_by_us(data) -> bool:
    try:
        stack = StackFile.model_validate(data)
    except ValidationError:
        return True
    return any(not finding.warning for finding in check_stack(stack))


def in_workspace(**fields):
    return {"workspaces": {"pay": fields}}


@pytest.mark.parametrize(
    ("file", "text"),
    [(f"stacks/{SCHEMA_FILE}", schema_text), ("docs/reference/fields.md", reference_text)],
    ids=["json", "page"],
)
def test_the_generated_files_are_fresh(request, file, text):
    path = ROOT / file
    if request.config.getoption("--update-golden"):
        path.write_text(text(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text(), f"write it anew: {UPDATE}"


def test_the_command_prints_the_schema_of_plans(capsys):
    schema("plan")
    assert capsys.readouterr().out == plan_schema_text()
    schema()
    assert capsys.readouterr().out == schema_text()


def test_the_example_names_the_schema_in_its_first_line():
    first = (ROOT / "stacks/dev.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA_FILE}"


def test_the_example_is_good_for_the_schema():
    data = yaml.safe_load((ROOT / "stacks/dev.yaml").read_text(encoding="utf-8"))
    assert faults(data, SCHEMA, SCHEMA) == []


@given(st.from_regex(r"[a-z0-9.-]{2,64}", fullmatch=True) | st.from_regex(r"[a-z0-9-]{3,12}", fullmatch=True))
def test_a_bucket_that_the_schema_refuses_we_refuse_too(name):
    data = in_workspace(storage={"bucket": {"name": name}})
    assert refused_by_us(data) or not refused_by_schema(data)


@given(st.from_regex(r"[a-zA-Z0-9_.-]{1,64}", fullmatch=True))
def test_names_are_judged_alike(name):
    names = {"workspaces": workspace_name_problem(name), "keys": key_id_problem(name)}
    data = {"workspaces": {"workspaces": {name: {}}}, "keys": in_workspace(keys={name: {}})}
    assert {key: refused_by_schema(value) for key, value in data.items()} == {
        key: problem is not None for key, problem in names.items()
    }


def objects():
    return {"StackFile": SCHEMA, **{name: part for name, part in SCHEMA["$defs"].items() if "properties" in part}}


def test_every_object_and_field_says_what_it_is():
    missing = [
        (name, field)
        for name, part in objects().items()
        for field, rules in [("", part), *part["properties"].items()]
        if not rules.get("description")
    ]
    assert (len(objects()), missing) == (46, [])
