"""Scheduled sessions of the platform's UI: an adoption names each, and says how to declare it."""

import re

import pytest
import yaml

from tests.support.existing import OWNER, made, of_pay, rules
from tests.support.schedules import SCHEDULE, of_backend

LABEL = {"ambient-code.io/scheduled-session": "true"}


def cronjob(name="schedule-1", **notes):
    theirs = of_backend(name, "pay", "bob", SCHEDULE, "a/b:1")
    return made("CronJob", "pay", name, labels=LABEL, annotations={**theirs["metadata"]["annotations"], **notes},
                spec=theirs["spec"])  # fmt: skip


def test_each_is_noted_with_what_to_write():
    workspace = of_pay(cronjob(), cronjob("schedule-2"))
    assert rules(workspace) == ["schedules", "schedules"]
    assert "schedules" not in workspace.entry
    what, write, user = workspace.notes[0].lines
    assert what == (
        'scheduled session "Morning review" ("0 9 * * 1-5") is not declared: it stays, and the UI alone changes it'
    )
    entry = yaml.safe_load(re.search(r"schedules: ({.*}}})", write)[1])["ID"]
    assert entry == {
        "cronJob": "schedule-1",
        "schedule": "0 9 * * 1-5",
        "displayName": "Morning review",
        "sessionTemplate": {"initialPrompt": "PROMPT"},
    }
    assert "runAs" in user
    assert "Review the open pull requests" not in "".join((what, write, user))


@pytest.mark.parametrize(
    ("shown", "is_kept"),
    [("Täglich 'früh' #1: {x}", True), ('"a" \\ b', True), ("x" * 51, False), ("10\u00a0000", False), ("a\nb", False)],
)
def test_a_name_that_an_entry_can_have_is_in_the_hint(shown, is_kept):
    _, write, _ = of_pay(cronjob(**{"ambient-code.io/display-name": shown})).notes[0].lines
    entry = yaml.safe_load(re.search(r"schedules: ({.*}}})", write)[1])["ID"]
    assert entry.get("displayName") == (shown if is_kept else None)


def test_those_of_this_stack_are_declared_already():
    assert of_pay(cronjob(**{"ambient-components/owner": OWNER})).notes == ()
    assert rules(of_pay(cronjob(**{"ambient-components/owner": "other/prod"}))) == ["schedules"]


def test_whatever_others_write_is_read():
    odd = made("CronJob", "pay", "x" * 500, labels=LABEL, spec={"schedule": 5})
    assert rules(of_pay(odd, made("CronJob", "pay", "y", spec=[]))) == ["schedules", "schedules"]
