"""The program where `ambient up` over a fleet has workspaces held: all is declared, and nothing new is promised."""

import pytest

from ambient_components.problem_json import AS_JSON, VARIABLE, decode
from ambient_components.shards.excluded import EXCLUDE_VARIABLE, hold_text
from tests.support.recorder import UNKNOWN, Secret

MISSING = {"secrets": {"integrations": {"TOKEN": {"env": "NOBODY_HAS_SET_THIS"}}}}
KEYS = {"ci": {}, "nightly": {"role": "view"}}
STACK = {"workspaces": {"good": {"keys": KEYS}, "bad": {"keys": KEYS, **MISSING}}}


@pytest.fixture
def hold(monkeypatch):
    def hold(**held):
        monkeypatch.setenv(EXCLUDE_VARIABLE, hold_text(held))

    return hold


@pytest.fixture
def about(monkeypatch, run_fleet):
    """The workspaces that each refusal is about."""

    def about(stack, **more):
        monkeypatch.setenv(VARIABLE, AS_JSON)
        lines = run_fleet.refusal(stack, **more)
        monkeypatch.delenv(VARIABLE)
        return [problem.workspaces for line in lines for problem in decode(line)]

    return about


def ledger(recording):
    return recording.named("AccessLedger", "access").inputs


def test_a_missing_secret_names_its_workspace(about):
    assert about(STACK) == [("bad",)]


def test_a_missing_secret_of_what_is_held_is_unknown(run_fleet, hold):
    hold(bad=("ci",))
    recording = run_fleet(STACK)
    secret = recording.named("WorkspaceSecret", "bad/secret/integrations")
    assert secret.inputs["values"] == {"TOKEN": Secret(UNKNOWN)}
    assert ledger(recording)["held"] == ["bad"]
    assert sorted(ledger(recording)["workspaces"]) == ["bad", "good"]


def test_no_key_of_what_is_held_is_an_output_before_it_is_made(run_fleet, hold):
    """The engine would write the sentinel of unknown values in its place."""
    hold(bad=("ci",))
    assert sorted(run_fleet(STACK).exports) == ["bad/ci", "good/ci", "good/nightly"]
    hold(bad=())
    assert sorted(run_fleet(STACK).exports) == ["good/ci", "good/nightly"]


def test_a_workspace_that_the_files_no_longer_have_is_held_as_well(run_fleet, hold):
    hold(gone=("ci",))
    recording = run_fleet({"workspaces": {"good": {"keys": KEYS}}})
    assert ledger(recording)["held"] == ["gone"]
    assert sorted(ledger(recording)["workspaces"]) == ["good"]


def test_without_it_the_ledger_says_nothing_of_it(run_fleet):
    assert "held" not in ledger(run_fleet({"workspaces": {"good": {}}}))


def test_what_is_missing_of_others_is_still_an_error(about, hold):
    hold(good=())
    assert about(STACK) == [("bad",)]


@pytest.mark.parametrize(
    ("entry", "config"),
    [
        pytest.param({"settings": {"caBundle": {"file": "none.pem"}}}, {}, id="a CA bundle that is not there"),
        pytest.param({"keys": {"ci": {"lifetime": "300d"}}}, {"maxTokenLifetime": "90d"}, id="a life beyond the cap"),
    ],
)
def test_so_is_what_else_of_one_workspace_stops_the_program(run_fleet, about, hold, entry, config):
    stack, config = {"workspaces": {"good": {}, "bad": entry}}, {"clusterUid": "uid", **config}
    assert {*about(stack, config=config)} == {("bad",)}
    hold(bad=())
    assert ledger(run_fleet(stack, config=config))["held"] == ["bad"]


def test_what_is_wrong_with_the_stack_is_so_whatever_is_held(run_fleet, hold):
    hold(bad=())
    (line,) = run_fleet.refusal({"workspaces": {"good": {}}}, config={})
    assert "clusterUid" in line


def test_another_form_is_refused(run_fleet, monkeypatch):
    monkeypatch.setenv(EXCLUDE_VARIABLE, "bad")
    (line,) = run_fleet.refusal({"workspaces": {"good": {}}})
    assert line == "the environment variable AMBIENT_EXCLUDE is only for ambient up to set; unset it"
