"""GitHub shows an issue form that it can't read as nothing, without a word: here are the rules that it has."""

import re
from pathlib import Path

import pytest

from tests.support.pipelines import ROOT, read

FORMS = sorted(ROOT.glob(".github/ISSUE_TEMPLATE/*.yaml"))
_FIELDS = {"textarea", "input", "dropdown", "checkboxes"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_a_form_is_one_that_github_shows(path: Path) -> None:
    form = read(path)
    assert form.keys() == {"name", "description", "labels", "body"}
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in fields} <= _FIELDS
    ids = [field["id"] for field in fields]
    assert sorted(set(ids)) == sorted(ids)
    assert [field for field in fields if not field["attributes"]["label"]] == []
    # "None" is a reserved word there, and so are booleans.
    options = [option for field in fields for option in field["attributes"].get("options", [])]
    assert [option for option in options if not isinstance(option, str) or option.lower() == "none"] == []
    assert len(set(options)) == len(options)


def test_the_page_of_support_names_the_forms() -> None:
    named = re.findall(r'form "([^"]+)"', (ROOT / "SUPPORT.md").read_text(encoding="utf-8"))
    assert sorted(named) == sorted(read(path)["name"] for path in FORMS)
