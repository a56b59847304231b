"""`ambient show STACK WORKSPACE`: the effective entry, and where each value came from."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.cli.app import run
from ambient_components.cli.show.command import as_text
from ambient_components.cli.show.entry import effective
from ambient_components.errors import Where, format_path
from ambient_components.printable import has_log_command
from ambient_components.stackfile.layers import Origin
from ambient_components.stackfile.loader import parse_stack
from tests.support.projects import write_project

STACK = """\
include: [{path: ../shared/common.yaml, sections: [defaults, templates]}]
workspaces:
  payments:
    template: standard
    displayName: "no"
    grants:
      - {group: payments-devs, role: edit}
      - user: bob@example.com
    keys:
      ci: {role: edit}
    secrets:
      runner: {ANTHROPIC_API_KEY: {config: payments/anthropic}}
      integrations:
        LOG_LEVEL: {value: debug-hunter2}
        GITHUB_TOKEN: {env: PAYMENTS_GH}
    settings:
      mcpServers:
        custom:
          search: {url: "https://h/hunter2", headers: {Authorization: "Bearer ${HUNTER2}"}}
          local: {command: uvx, args: [hunter2], env: {A: hunter2}}
  lab: {}
"""
COMMON = """\
defaults:
  keys: {lifetime: 30d}
  labels: {tier: low}
templates:
  standard:
    labels: {cost-center: "4711"}
    owners: []
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    files = {"stacks/prod.yaml": STACK, "stacks/Pulumi.prod.yaml": "", "shared/common.yaml": COMMON}
    return write_project(tmp_path, files)


PAYMENTS = """\
payments:                                              # stacks/prod.yaml:3
  template: standard                                   # stacks/prod.yaml:4
  displayName: 'no'                                    # stacks/prod.yaml:5
  owners: []                                           # template standard, shared/common.yaml:7
  grants:
    - {group: payments-devs, role: edit}               # stacks/prod.yaml:7
    - {user: bob@example.com}                          # stacks/prod.yaml:8
  keys:
    ci:
      role: edit                                       # stacks/prod.yaml:10
      lifetime: 30d                                    # defaults, shared/common.yaml:2
      rotateBefore: 7d12h                              # built-in
      overlap: 3d18h                                   # built-in
      rotate: auto                                     # built-in
      generation: 1                                    # built-in
  secrets:
    runner:
      ANTHROPIC_API_KEY: {config: payments/anthropic}  # stacks/prod.yaml:12
    integrations:
      LOG_LEVEL: {value: …}                            # stacks/prod.yaml:14
      GITHUB_TOKEN: {env: PAYMENTS_GH}                 # stacks/prod.yaml:15
    onDrift:
      runner: overwrite                                # built-in
      integrations: overwrite                          # built-in
  settings:
    mcpServers:
      custom:
        search: {url: …, headers: {Authorization: …}}  # stacks/prod.yaml:19
        local: {command: uvx, args: […], env: {A: …}}  # stacks/prod.yaml:20
  labels:
    tier: low                                          # defaults, shared/common.yaml:3
    cost-center: '4711'                                # template standard, shared/common.yaml:6
  protect: true                                        # built-in
  state: active                                        # built-in
  adopt: false                                         # built-in
"""


@pytest.mark.parametrize(
    "arguments", [["prod", "payments"], ["payments", "-s", "prod"], ["prod", "payments", "--stack", "my-org/p/prod"]]
)
def test_as_yaml(project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    if arguments[-1] == "my-org/p/prod":
        arguments = ["my-org/p/prod", "payments"]
    assert run(["show", *arguments]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (PAYMENTS, "")


def test_a_workspace_that_says_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "prod", "lab"]) == 0
    assert capsys.readouterr().out == (
        "lab:             # stacks/prod.yaml:21\n"
        "  labels:\n"
        "    tier: low    # defaults, shared/common.yaml:3\n"
        "  protect: true  # built-in\n"
        "  state: active  # built-in\n"
        "  adopt: false   # built-in\n"
    )


def test_a_workspace_of_which_no_file_says_anything(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "stacks/prod.yaml").write_text("workspaces: {lab: {}}\n")
    assert run(["show", "prod", "lab"]) == 0
    assert capsys.readouterr().out == (
        "lab:             # stacks/prod.yaml:1\n"
        "  protect: true  # built-in\n"
        "  state: active  # built-in\n"
        "  adopt: false   # built-in\n"
    )


def test_a_credential_in_place_of_a_name_is_not_shown() -> None:
    secret = "ghp_hunter2hunter2"
    text = f"""
        templates: {{{secret}: {{labels: {{{secret}: {secret}}}}}}}
        workspaces: {{pay: {{template: {secret}, description: "https://bob:hunter2@x.org"}}}}
    """
    loaded = parse_stack(text, "x.yaml")
    shown = as_text("pay", effective(loaded, "pay"), loaded.origin(("workspaces", "pay")))
    assert "hunter2" not in shown
    assert "https://…@x.org" in shown


def renewals(keys: str, *, defaults: str = "{}", top: str = "") -> dict[str, tuple[object, str, object]]:
    loaded = parse_stack(f"{top}\ndefaults: {{keys: {defaults}}}\nworkspaces: {{pay: {{keys: {keys}}}}}", "x.yaml")
    values = effective(loaded, "pay")
    names = {"rotateBefore", "overlap", "rotate"}
    return {
        ".".join(map(str, one.path[1:])): (one.value, one.origin.layer, one.written)
        for one in values
        if one.path[-1] in names
    }


def test_renewal_values_are_those_that_runs_use() -> None:
    assert renewals("{a: {}, b: {lifetime: never, rotateBefore: 1d}, c: {overlap: 24h, rotate: manual}}") == {
        "a.rotateBefore": ("14d", "built-in", None),
        "a.overlap": ("7d", "built-in", None),
        "a.rotate": ("auto", "built-in", None),
        "b.rotateBefore": ("1d", "workspace", None),
        "b.rotate": ("manual", "built-in", None),
        "c.overlap": ("24h", "workspace", None),
        "c.rotate": ("manual", "workspace", None),
    }
    assert renewals("{a: {overlap: 0, rotateBefore: 30d, rotate: auto}}") == {
        "a.rotateBefore": ("30d", "workspace", None),
        "a.overlap": (0, "workspace", None),
        "a.rotate": ("auto", "workspace", None),
    }


def test_renewal_values_that_are_shortened_say_what_is_written() -> None:
    values = renewals("{a: {lifetime: 10d}}", defaults="{rotateBefore: 14d, overlap: 6d}", top="runEvery: 1d")
    assert values == {
        "a.rotateBefore": ("5d", "defaults", "14d"),
        "a.overlap": ("4d", "defaults", "6d"),
        "a.rotate": ("auto", "built-in", None),
    }
    text = "defaults: {keys: {overlap: 6d}}\nworkspaces: {pay: {keys: {a: {lifetime: 10d}}}}"
    loaded = parse_stack(text, "x.yaml")
    shown = as_text("pay", effective(loaded, "pay"), Origin("workspace", Where("x.yaml", 2, 1)))
    assert "overlap: 2d12h       # defaults, x.yaml:1: 6d, shortened\n" in shown


def test_storage_is_shown_with_where_each_value_came_from() -> None:
    text = """
        workspaces:
          pay:
            storage:
              bucket:
                name: old-sessions
                driver: existing
                accessKey: {value: AKIDEXAMPLE}
                secretKey: {config: pay/s3}
          lab: {storage: {bucket: {name: lab-sessions, expireAfter: 90d, credentials: {lifetime: 30d}}}}
    """
    loaded = parse_stack(text, "x.yaml")

    def shown(workspace: str) -> dict[str, object]:
        values = effective(loaded, workspace)
        return {format_path(one.path): one.value for one in values if one.path[0] == "storage"}

    of_pay = shown("pay")
    assert of_pay["storage.bucket.accessKey"] == {"value": "AKIDEXAMPLE"}
    assert of_pay["storage.bucket.secretKey"] == {"config": "pay/s3"}
    of_lab = shown("lab")
    assert of_lab["storage.bucket.expireAfter"] == "90d"
    assert of_lab["storage.bucket.protect"] is True
    assert of_lab["storage.bucket.driver"] == "s3"
    assert of_lab["storage.bucket.credentials.lifetime"] == "30d"
    origins = {format_path(one.path): one.origin for one in effective(loaded, "lab")}
    assert (origins["storage.bucket.driver"].layer, origins["storage.bucket.driver"].where) == ("built-in", None)
    assert origins["storage.bucket.name"].where == Where("x.yaml", 10, 42)


def test_as_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "prod", "payments", "--format", "json"]) == 0
    text = capsys.readouterr().out
    shown = json.loads(text)
    assert "hunter2" not in text.lower()
    assert (shown["workspace"], shown["stack"]) == ("payments", "prod")
    values = {value.pop("path"): value for value in shown["values"]}
    assert values["grants[1]"] == {
        "value": {"user": "bob@example.com"},
        "layer": "workspace",
        "file": "stacks/prod.yaml",
        "line": 8,
        "column": 9,
        "written": None,
    }
    assert values["keys.ci.lifetime"] == {
        "value": "30d",
        "layer": "defaults",
        "file": "shared/common.yaml",
        "line": 2,
        "column": 20,
        "written": None,
    }
    assert values["labels.cost-center"]["layer"] == "template standard"
    nowhere = {"file": None, "line": None, "column": None, "written": None}
    assert values["protect"] == {"value": True, "layer": "built-in", **nowhere}
    assert values["secrets.integrations.LOG_LEVEL"]["value"] == {"value": "…"}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["prod", "paymnts"], "stack 'prod' has no workspace 'paymnts'\n  hint: did you mean 'payments'?"),
        (["prod", "x"], "stack 'prod' has no workspace 'x'\n  hint: it has lab, payments"),
        (
            ["prd", "payments"],
            "stacks/prd.yaml: there is no such stack file\n"
            "  hint: stacks with a file: prod\n  hint: did you mean 'prod'?",
        ),
        (["none", "payments"], "stacks/none.yaml: there is no such stack file\n  hint: stacks with a file: prod"),
    ],
)
def test_what_is_not_there(project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], error: str) -> None:
    assert run(["show", *arguments]) == 1
    assert capsys.readouterr() == ("", f"ambient: {error}\n")


@pytest.mark.parametrize(
    ("names", "reported"),
    [(0, "it has none"), (12, "it has " + ", ".join(f"w{n:02}" for n in range(10)) + " and 2 more")],
)
def test_of_many_workspaces_some_are_named(
    project: Path, capsys: pytest.CaptureFixture[str], names: int, reported: str
) -> None:
    entries = ", ".join(f"w{n:02}: {{}}" for n in range(names))
    (project / "stacks/prod.yaml").write_text(f"workspaces: {{{entries}}}\n")
    assert run(["show", "prod", "zzz"]) == 1
    assert capsys.readouterr().err == f"ambient: stack 'prod' has no workspace 'zzz'\n  hint: {reported}\n"


def test_without_any_stack_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "stacks/prod.yaml").unlink()
    assert run(["show", "prod", "payments"]) == 1
    assert capsys.readouterr().err == (
        "ambient: stacks/prod.yaml: there is no such stack file\n  hint: `ambient init prod` makes one\n"
    )


def test_a_file_with_errors_is_not_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "shared/common.yaml").write_text("templates: {standard: {protect: 1}}\n")
    assert run(["show", "prod", "payments"]) == 1
    assert capsys.readouterr() == (
        "",
        "ambient: shared/common.yaml:1:33: templates.standard.protect: is a number\n  hint: allowed: true or false\n",
    )


def test_comments_of_long_lines_push_the_others_nowhere() -> None:
    text = f"workspaces: {{pay: {{description: {'x' * 90}, protect: true}}}}"
    loaded = parse_stack(text, "x.yaml")
    lines = as_text("pay", effective(loaded, "pay"), Origin("workspace", Where("x.yaml", 1, 1))).splitlines()
    assert lines[:3] == [
        "pay:             # x.yaml:1",
        f"  description: {'x' * 90}  # x.yaml:1",
        "  protect: true  # x.yaml:1",
    ]


PRINTABLE = st.text(
    st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\ufeff\ufffe\uffff").filter(
        lambda char: char.isprintable() or char in "\n\t\u2028\xa0"
    ),
    max_size=30,
)
ODD = st.sampled_from(
    [
        "no",
        "017",
        "1:20",
        "~",
        "",
        "- a",
        "a: b",
        "a #b",
        "#",
        "'",
        '"',
        "{x}",
        "null",
        "1e3",
        "=",
        "<<",
        "##[",
        "##vso[a]b",
    ]
)


@given(
    PRINTABLE | ODD, st.dictionaries(st.sampled_from(["a", "b/c", "on"]), PRINTABLE | ODD, max_size=2), st.booleans()
)
def test_what_is_shown_reads_back_as_the_same_entry(text: str, annotations: dict[str, str], protect: bool) -> None:
    def quoted(value: str) -> str:
        return '"' + "".join(f"\\U{ord(char):08x}" for char in value) + '"'

    pairs = ", ".join(f"{quoted(key)}: {quoted(value)}" for key, value in annotations.items())
    entry = f"description: {quoted(text)}, annotations: {{{pairs}}}, protect: {str(protect).lower()}"
    loaded = parse_stack(f"workspaces: {{on: {{{entry}, grants: [{{user: a b}}]}}}}", "x.yaml")
    shown = as_text("on", effective(loaded, "on"), loaded.origin(("workspaces", "on")))
    assert not has_log_command(shown)
    again = parse_stack("workspaces:\n" + "".join(f"  {line}\n" for line in shown.split("\n")), "y.yaml")
    assert again.file.workspaces == loaded.file.workspaces
