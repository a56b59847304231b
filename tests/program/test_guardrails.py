"""What a stack file says of the guardrails, on its way to the ledger; and exceptions that end before their reason."""

import pytest

from ambient_components.model.derive import misfits, write
from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.program.access_tests import access_test_refusals
from ambient_components.program.calendar import Calendar
from ambient_components.program.guardrails import placed_refusals
from ambient_components.program.ledger import expired_exceptions, ledger_of, stack_guardrails
from ambient_components.stackfile.loader import located, parse_stack
from tests.program.conftest import NOW


def parsed(text):
    loaded = parse_stack(text, "x.yaml")
    return loaded, Calendar.of(loaded.file)


@pytest.mark.parametrize(
    ("text", "guardrails"),
    [
        ("", {}),
        ("guardrails: {}\n", {}),
        ("guardrails: {maxKeys: 10, groupsOnly: false, isolateAdminKeys: false}\n", {}),
        ("guardrails: {maxKeys: 3, groupsOnly: true, isolateAdminKeys: true}\n", None),
        (
            "guardrails: {adopt: [b, a], buckets: [data]}\n",
            {"adopt": ["a", "b"], "buckets": ["data"]},
        ),
        ("exceptions: [{guardrail: massRemoval, reason: x}]\n", {"exceptions": ["massRemoval"]}),
        ("exceptions: [{guardrail: massRemoval, reason: x, until: 2026-11-24}]\n", {}),
        ("exceptions: [{guardrail: massRemoval, reason: x, until: 2026-11-25}]\n", {"exceptions": ["massRemoval"]}),
        (
            "exceptions: [{guardrail: massRemoval, reason: x, until: 2027-01-01}, {guardrail: adminKey, reason: x}]\n",
            {"exceptions": ["adminKey", "massRemoval"]},
        ),
    ],
)
def test_the_ledger_gets_what_is_in_force(text, guardrails):
    loaded, calendar = parsed(f"{text}workspaces: {{}}\n")
    got = write(stack_guardrails(loaded.file, calendar), "ledger")
    assert got == ({"maxKeys": 3, "groupsOnly": True, "isolateAdminKeys": True} if guardrails is None else guardrails)
    assert not [*misfits(GuardrailsRecord, "ledger", got)]


def test_the_program_hands_it_on(run_fleet):
    text = "guardrails: {maxKeys: 3}\nexceptions: [{guardrail: massRemoval, reason: moved}]\nworkspaces: {pay: {}}\n"
    assert run_fleet(text).named("AccessLedger", "access").inputs["guardrails"] == {
        "exceptions": ["massRemoval"],
        "maxKeys": 3,
    }
    assert "guardrails" not in run_fleet("workspaces: {pay: {}}\n").named("AccessLedger", "access").inputs


def test_a_day_is_one_of_the_stacks_time_zone():
    exceptions = "exceptions: [{guardrail: massRemoval, reason: x, until: 2026-11-24}]\n"
    text = f"timezone: Pacific/Honolulu\n{exceptions}workspaces: {{}}\n"
    loaded, calendar = parsed(text)
    assert calendar.now == NOW  # the 24th over there, for half an hour still
    assert stack_guardrails(loaded.file, calendar).exceptions == ["massRemoval"]


ENDED = "until: 2026-11-24"
KEYS = "keys: {boss: {role: admin}}"


def warnings(text):
    loaded, calendar = parsed(text)
    return [
        str(one)
        for one in located(
            loaded, expired_exceptions(loaded.file, ledger_of(loaded.file.workspaces, calendar), calendar)
        )
    ]


def test_an_allowance_that_ended_is_told_while_its_reason_stands():
    text = f"workspaces:\n  pay:\n    {KEYS}\n    exceptions: [{{guardrail: adminKey, reason: x, {ENDED}}}]\n"
    assert warnings(text) == [
        "x.yaml:4:58: workspaces.pay.exceptions[0].until: has ended, and what it let through is still deployed: key "
        "'boss' is of role admin, and anyone with it may share the workspace and read its secrets; take "
        "that out, or agree on another day; until then it stays deployed, and no new adminKey passes"
    ]


def test_one_of_the_stack_names_the_first_workspace():
    text = (
        f"exceptions: [{{guardrail: adminKey, reason: x, {ENDED}}}]\nworkspaces:\n  aa: {{{KEYS}}}\n  bb: {{{KEYS}}}\n"
    )
    (received,) = warnings(text)
    assert received.startswith(
        "x.yaml:1:54: exceptions[0].until: has ended, and what it let through is still deployed: workspace 'aa': key"
    )
    assert "(and 1 more)" in received


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            f"workspaces: {{aa: {{{KEYS}, exceptions: [{{guardrail: adminKey, reason: x}}]}}}}\n", id="it has no end"
        ),
        pytest.param(
            f"workspaces: {{aa: {{{KEYS}, exceptions: [{{guardrail: adminKey, reason: x, until: 2026-12-31}}]}}}}\n",
            id="it holds",
        ),
        pytest.param(
            f"workspaces: {{aa: {{exceptions: [{{guardrail: adminKey, reason: x, {ENDED}}}]}}}}\n", id="nothing stands"
        ),
        pytest.param(
            f"workspaces: {{aa: {{{KEYS}}}, bb: {{exceptions: [{{guardrail: adminKey, reason: x, {ENDED}}}]}}}}\n",
            id="it stands elsewhere",
        ),
        pytest.param(
            f"exceptions: [{{guardrail: adminKey, reason: x}}]\n"
            f"workspaces: {{aa: {{{KEYS}, exceptions: [{{guardrail: adminKey, reason: x, {ENDED}}}]}}}}\n",
            id="the stack allows it",
        ),
        pytest.param(
            f"exceptions: [{{guardrail: massRemoval, reason: x, {ENDED}}}]\nworkspaces: {{}}\n",
            id="a change that is over",
        ),
    ],
)
def test_nothing_is_told_where_nobody_has_to_do_anything(text):
    assert warnings(text) == []


def test_the_program_warns_of_it(run_fleet):
    text = f"workspaces:\n  pay:\n    {KEYS}\n    exceptions: [{{guardrail: adminKey, reason: x, {ENDED}}}]\n"
    recording = run_fleet(text)
    assert [warning for warning in recording.warnings if "workspaces.pay.exceptions[0].until: has ended" in warning]
    assert recording.named("AccessLedger", "access").inputs["workspaces"]["pay"].get("exceptions") is None


TESTS = """\
accessTests: {never: [{who: "user:bob", role: admin}]}
workspaces:
  hub: {grants: [{user: bob, role: edit}]}
  pay: {owners: [serviceaccount:hub:bot]}
"""


def test_a_broken_access_test_is_refused_with_both_places(run_fleet):
    (line,) = run_fleet.refusal(TESTS)
    assert line.startswith(
        "stacks/dev.yaml:3:25: workspace 'pay': user:bob has edit in hub -> account -> admin in pay, which breaks the "
        "access test never {who: user:bob, role: admin}, at stacks/dev.yaml:1:23"
    )


def test_access_tests_are_recorded_and_approved_by_the_config(run_fleet):
    holds = TESTS.replace("user:bob", "user:carol")
    config = {"clusterUid": "uid-1", "accessTests": "sha256:0"}
    (line,) = run_fleet.refusal(holds, config=config)
    assert "are not those that accessTests of the stack's config approves" in line
    config["accessTests"] = line.split("pulumi config set accessTests ")[1]
    recorded = {"never": [{"who": "user:carol", "role": "admin"}]}
    assert run_fleet(holds, config=config).named("AccessLedger", "access").inputs["guardrails"] == recorded


def test_a_plan_has_the_places_of_a_broken_access_test():
    loaded, calendar = parsed(TESTS)
    after, settings = ledger_of(loaded.file.workspaces, calendar), stack_guardrails(loaded.file, calendar)
    (refused,) = placed_refusals(loaded, after, after, settings, calendar.now)
    assert (str(refused.where), refused.rule, refused.workspaces) == ("x.yaml:3:25", "accessTest", ("pay",))
    assert refused.problem.endswith(", at x.yaml:1:23")
    pipeline = "{pipeline: {github: {repository: acme/pay, id: 1, branch: main}}, role: edit}"
    loaded, calendar = parsed(
        TESTS.replace("user:bob", "pipeline:github:acme/*").replace("{user: bob, role: edit}", pipeline)
    )
    (refused,) = access_test_refusals(loaded, calendar)
    assert str(refused.where).startswith("x.yaml:3:")
    assert "pipeline:github:acme/pay:1@main has edit in hub -> account" in refused.problem
    assert placed_refusals(loaded, {}, {"hub": after["hub"]}, settings, calendar.now) == []
