"""Pipelines in the stack file: each is written back as it was, and its subject has one text."""

from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from ambient_components.errors import BadValue
from ambient_components.model.grants import Grant, grant_findings, subject_fields
from ambient_components.model.stack import Workspace
from ambient_components.platform.bindings import grant_form
from ambient_components.platform.contract import Role
from ambient_components.platform.pipelines import parse_pipeline
from ambient_components.platform.subjects import Subject, SubjectKind, parse_subject, pipeline_of
from ambient_components.rules.workspaces import WorkspaceState
from ambient_components.stackfile.checks.names import check_subjects

GITHUB = {"repository": "acme/payments", "id": 123456}
GITLAB = {"project": "acme/back/payments", "id": 7}
WRITTEN = {
    "github:acme/payments:123456@main": {"github": {**GITHUB, "branch": "main"}},
    "github:acme/payments:123456@environment:prod": {"github": {**GITHUB, "environment": "prod"}},
    "github:acme/payments:123456@tag:*": {"github": {**GITHUB, "tags": True}},
    "github+ghe.acme.com/_services/token:acme/payments:123456@main": {
        "github": {**GITHUB, "branch": "main", "issuer": "https://ghe.acme.com/_services/token"}
    },
    "gitlab:acme/back/payments:7@main": {"gitlab": {**GITLAB, "branch": "main"}},
    "gitlab:acme/back/payments:7@unprotected:tag:*": {"gitlab": {**GITLAB, "tags": True, "protected": False}},
    "cluster+ci.acme.com+6443:builds:bot": {
        "cluster": {"issuer": "https://ci.acme.com:6443", "namespace": "builds", "serviceAccount": "bot"}
    },
    "issuer+agent.buildkite.com:organization:acme:pipeline:pay": {
        "issuer": {"url": "https://agent.buildkite.com", "subject": "organization:acme:pipeline:pay"}
    },
}


@pytest.mark.parametrize(("name", "written"), WRITTEN.items(), ids=WRITTEN)
def test_a_pipeline_and_its_name(name, written):
    subject = Grant.model_validate({"pipeline": written}).subject
    assert (str(subject), subject.kind) == (f"pipeline:{name}", SubjectKind.PIPELINE)
    assert subject_fields(subject) == {"pipeline": written}
    assert parse_subject(str(subject)) == subject


def test_its_binding_is_that_of_a_user():
    name = "github:acme/payments:123456@main"
    form = grant_form(Role.EDIT, Subject(SubjectKind.PIPELINE, name))
    assert form.name == "ambient-permission-edit-github-acme-payments-123456-main-user"
    assert form.subject.rbac_subject() == {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name}
    assert form.annotations["ambient-code.io/subject-kind"] == "User"
    assert form.annotations["ambient-code.io/subject-name"] == name


@pytest.mark.parametrize("text", ["user:github:acme/payments:123456@main", "pipeline:github:alice", "pipeline:x"])
def test_a_subject_has_one_text(text):
    with pytest.raises(BadValue, match="name of a pipeline"):
        parse_subject(text)


def refused(model, value):
    with pytest.raises(ValidationError) as refusal:
        model.model_validate(value)
    return str(refusal.value.errors())


@pytest.mark.parametrize("branch", ["ma\u200bin", "ma\u2060in", "main\u00a0"])
def test_a_branch_has_nothing_that_is_not_seen(branch):
    problem = refused(Grant, {"pipeline": {"github": {**GITHUB, "branch": branch}}})
    assert "invisible character" in problem or "ends with a space" in problem


@pytest.mark.parametrize("user", ["github:acme/payments:1@refs/x", "aks:jwt:github:acme/payments:1@refs/x"])
def test_no_user_has_the_beginning_of_a_pipeline(user):
    assert "begins like the name of a pipeline" in refused(Grant, {"user": user})
    assert "begins like the name of a pipeline" in refused(Workspace, {"owners": [f"user:{user}"]})


def test_a_user_of_aks_is_the_pipeline_for_guardrails():
    subject = Grant.model_validate({"user": "aks:jwt:github:acme/payments:123456@main"}).subject
    assert str(subject) == "user:aks:jwt:github:acme/payments:123456@main"
    assert pipeline_of(str(subject)) == parse_pipeline("github:acme/payments:123456@main")
    assert pipeline_of("user:github:alice") is None


def test_hints_speak_of_what_a_pipeline_has():
    grants = [Grant.model_validate({"pipeline": {"github": {**GITHUB, "branch": b}}}) for b in ("x/y", "x-y")]
    (finding,) = grant_findings(grants, ZoneInfo("UTC"), WorkspaceState.ACTIVE)
    assert finding.remedy == "give one of them another role, or a key"
    lookalike = {"grants": [{"pipeline": {"github": {**GITHUB, "branch": "m\u0430in"}}}]}
    (warning,) = check_subjects(("workspaces", "w"), Workspace.model_validate(lookalike))
    assert warning.remedy == "make sure that the CI system has it so, or type it again"
