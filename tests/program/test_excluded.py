"""The program where `ambient up` over a fleet excludes workspaces: all is declared, and nothing new is promised."""

import pytest

from ambient_components.problem_json import AS_JSON, VARIABLE, decode
from ambient_components.shards.excluded import EXCLUDE_VARIABLE, excluded_text
from tests.support.registrations import UNKNOWN, Secret

MISSING = {"secrets": {"integrations": {"TOKEN": {"env": "BAD_IS_NOT_SET"}}}}
KEYS = {"ci": {}, "nightly": {"role": "view"}}
STACK = {"workspaces": {"good": {"keys": KEYS}, "bad": {"keys": KEYS, **MISSING}}}


@pytest.fixture
def exclude(monkeypatch):
    def exclude(**excluded):
        monkeypatch.setenv(EXCLUDE_VARIABLE, excluded_text(excluded))

    return exclude


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


def test_a_missing_secret_of_what_is_excluded_is_unknown(run_fleet, exclude):
    exclude(bad=("ci",))
    recording = run_fleet(STACK)
    secret = recording.named("WorkspaceSecret", "bad/secret/integrations")
    assert secret.inputs["values"] == {"TOKEN": Secret(UNKNOWN)}
    assert ledger(recording)["excluded"] == ["bad"]
    assert sorted(ledger(recording)["workspaces"]) == ["bad", "good"]


def test_no_key_of_what_is_excluded_is_an_output_before_it_is_made(run_fleet, exclude):
    """The engine would write the sentinel of unknown values in its place."""
    exclude(bad=("ci",))
    assert sorted(run_fleet(STACK).exports) == ["bad/ci", "good/ci", "good/nightly"]
    exclude(bad=())
    assert sorted(run_fleet(STACK).exports) == ["good/ci", "good/nightly"]


def test_a_workspace_that_the_files_no_longer_have_is_excluded_as_well(run_fleet, exclude):
    exclude(gone=("ci",))
    recording = run_fleet({"workspaces": {"good": {"keys": KEYS}}})
    assert ledger(recording)["excluded"] == ["gone"]
    assert sorted(ledger(recording)["workspaces"]) == ["good"]


def test_without_it_the_ledger_says_nothing_of_it(run_fleet):
    assert "excluded" not in ledger(run_fleet({"workspaces": {"good": {}}}))


def test_what_is_missing_of_others_is_still_an_error(about, exclude):
    exclude(good=())
    assert about(STACK) == [("bad",)]


@pytest.mark.parametrize(
    ("entry", "config"),
    [
        pytest.param({"settings": {"caBundle": {"file": "none.pem"}}}, {}, id="a CA bundle that is not there"),
        pytest.param({"keys": {"ci": {"lifetime": "300d"}}}, {"maxTokenLifetime": "90d"}, id="a life beyond the cap"),
    ],
)
def test_so_is_what_else_of_one_workspace_stops_the_program(run_fleet, about, exclude, entry, config):
    stack, config = {"workspaces": {"good": {}, "bad": entry}}, {"clusterUid": "uid", **config}
    assert {*about(stack, config=config)} == {("bad",)}
    exclude(bad=())
    assert ledger(run_fleet(stack, config=config))["excluded"] == ["bad"]


def test_what_is_wrong_with_the_stack_is_so_whatever_is_excluded(run_fleet, exclude):
    exclude(bad=())
    (line,) = run_fleet.refusal({"workspaces": {"good": {}}}, config={})
    assert "clusterUid" in line


def test_another_form_is_refused(run_fleet, monkeypatch):
    monkeypatch.setenv(EXCLUDE_VARIABLE, "bad")
    (line,) = run_fleet.refusal({"workspaces": {"good": {}}})
    assert line == "the environment variable AMBIENT_EXCLUDE is only for ambient up to set; unset it"
