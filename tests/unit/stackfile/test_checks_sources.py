"""Which variables and files a workspace may take secrets from: its own, and what the guardrails allow."""

import pytest

from ambient_components.stackfile.loader import parse_stack, review_stack, secret_file
from ambient_components.stackfile.regular import Unreadable

TOP = "guardrails: {{secretSources: [{}]}}\n"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def entry(source, name="payments"):
    return f"  {name}: {{secrets: {{integrations: {{A: {source}}}}}}}\n"


def passes(text, path="stacks/prod.yaml"):
    return not [problem for problem in review_stack(path, text).problems if not problem.warning]


def allowed(source, *places, name="payments", more=""):
    return passes(f"{TOP.format(', '.join(places))}workspaces:\n{entry(source, name)}{more}")


@pytest.mark.parametrize(
    ("name", "variable", "own"),
    [
        ("payments", "PAYMENTS_GITHUB_TOKEN", True),
        ("payments-eu", "PAYMENTS_EU_TOKEN", True),
        ("a1", "A1_X", True),
        ("payments", "PAYMENTS", False),
        ("payments", "PAYMENTSX_TOKEN", False),
        ("payments", "payments_token", False),
        ("payments", "Payments_TOKEN", False),
        ("payments", "MY_PAYMENTS_TOKEN", False),
        ("payments", "_PAYMENTS_TOKEN", False),
        ("payments", "GITLAB_TOKEN", False),
        ("payments", "DOCKER_AUTH_CONFIG", False),
        ("payments", "HTTPS_PROXY", False),
        ("payments", "P\u0410YMENTS_TOKEN", False),
        ("aws", "AWS_SECRET_ACCESS_KEY", False),
        ("github", "GITHUB_TOKEN", False),
        ("ci", "CI_JOB_TOKEN", False),
        ("gitlab", "GITLAB_TOKEN", False),
        ("pulumi", "PULUMI_ACCESS_TOKEN", False),
    ],
)
def test_a_workspace_has_the_variables_of_its_name(name, variable, own):
    assert allowed(f"{{env: {variable}}}", name=name) is own


def test_a_variable_belongs_to_the_workspace_with_the_longest_name():
    both = entry("{env: PAYMENTS_EU_TOKEN}", "payments-eu")
    assert allowed("{env: PAYMENTS_EU_TOKEN}")
    assert not allowed("{env: PAYMENTS_EU_TOKEN}", more=both)
    assert allowed("{env: PAYMENTS_TOKEN}", more=both)
    assert allowed("{env: PAYMENTS_EU_TOKEN}", "{variables: PAYMENTS_EU_TOKEN}", more=both)


@pytest.mark.parametrize(
    ("place", "variable", "is_allowed"),
    [
        ("{variables: SHARED_TOKEN}", "SHARED_TOKEN", True),
        ("{variables: SHARED_TOKEN}", "SHARED_TOKENS", False),
        ('{variables: "SHARED_*"}', "SHARED_TOKEN", True),
        ('{variables: "SHARED_*"}', "SHARED", False),
        ('{variables: "SHARED_*"}', "shared_TOKEN", False),
        ("{variables: SHARED_TOKEN, workspaces: [payments]}", "SHARED_TOKEN", True),
        ("{variables: SHARED_TOKEN, workspaces: [other]}", "SHARED_TOKEN", False),
        ('{variables: "GOOGLE_*"}', "GOOGLE_API_KEY", True),
        ('{variables: "GOOGLE_*"}', "GOOGLE_APPLICATION_CREDENTIALS", False),
    ],
)
def test_other_variables_are_named_by_the_guardrails(place, variable, is_allowed):
    assert allowed(f"{{env: {variable}}}", place) is is_allowed


@pytest.mark.parametrize(
    ("file", "places", "is_allowed"),
    [
        ("../secrets/payments/token", (), True),
        ("../secrets/payments/a/b", (), True),
        ("./../secrets/x/../payments/token", (), True),
        ("../secrets/payments", (), False),
        ("../secrets/payments/../other/token", (), False),
        ("../secrets/payments-eu/token", (), False),
        ("../secrets/Payments/token", (), False),
        ("../secrets/token", (), False),
        ("../.env", (), False),
        ("../secrets/payments/.npmrc", (), False),
        ("token.txt", (), False),
        ("token.txt", ("{folder: stacks}",), True),
        ("../Pulumi.prod.yml", ("{folder: stacks}",), False),
        ("Pulumi.prod.yml", ("{folder: stacks}",), False),
        ("../secrets/shared/x", ("{folder: secrets/shared}",), True),
        ("../secrets/shared/x", ("{folder: secrets/shared, workspaces: [other]}",), False),
        ("/run/secrets/payments/token", (), False),
        ("/run/secrets/payments/token", ("{folder: /run/secrets/payments}",), True),
        ("/run/secrets/payments/../kubernetes.io/token", ("{folder: /run/secrets}",), False),
        ("../../secrets/payments/token", (), False),
    ],
)
def test_a_workspace_has_the_files_of_its_folder(file, places, is_allowed):
    assert allowed(f"{{file: {file}}}", *places) is is_allowed


def test_an_absolute_path_into_the_project_is_the_same_file(project):
    assert allowed(f"{{file: {project}/secrets/payments/token}}")
    assert not allowed(f"{{file: {project}/.git/config}}")
    assert not allowed(f"{{file: {project}/.git/config}}", f"{{folder: {project}}}")
    assert allowed(f"{{file: {project}/shared/token}}", f"{{folder: {project}/shared}}")


@pytest.mark.parametrize("link", ["secrets/payments/token", "secrets/payments", "secrets"])
def test_a_link_in_the_project_leads_nowhere_else(link, project):
    """A link in place of the folder itself would make any folder the workspace's own."""
    (project / "home").mkdir()
    for path in ("home/token", "home/payments/token"):
        (project / path).parent.mkdir(exist_ok=True)
        (project / path).write_text("stolen")
    at = project / link
    at.parent.mkdir(parents=True, exist_ok=True)
    at.symlink_to(project / {"token": "home/token", "payments": "home", "secrets": "home"}[at.name])
    text = f"workspaces:\n{entry('{file: ../secrets/payments/token}')}"
    assert not passes(text)
    at.unlink()
    stack = parse_stack(text, "stacks/prod.yaml")
    at.symlink_to(project / {"token": "home/token", "payments": "home", "secrets": "home"}[at.name])
    with pytest.raises(Unreadable):
        secret_file(stack, "payments", "secrets/payments/token")


SOURCES = ["{env: PAYMENTS_TOKEN}", "{file: ../../secrets/payments/token}"]
FROM_A_TEAM = "include: [teams/*.yaml]\nworkspaces: {other: {}}\n"


@pytest.mark.parametrize("source", SOURCES)
def test_a_workspace_of_an_included_file_has_nothing_by_its_name(source, project):
    """The author of the file chooses the name: that of a program, or of another team's variables."""
    (project / "stacks/teams").mkdir()
    (project / "stacks/teams/pay.yaml").write_text(f"workspaces:\n{entry(source)}")
    assert not passes(FROM_A_TEAM)
    lines = TOP.format("{variables: PAYMENTS_TOKEN, workspaces: [payments]}, {folder: secrets/payments}")
    assert passes(lines + FROM_A_TEAM)
    # Nor does it take away what the stack file's own workspaces have.
    (project / "stacks/teams/pay.yaml").write_text("workspaces: {payments-github: {}}\n")
    assert passes("include: [teams/*.yaml]\nworkspaces:\n" + entry("{env: PAYMENTS_GITHUB_TOKEN}"))
    # It may not allow itself anything either.
    (project / "stacks/teams/pay.yaml").write_text(f"{lines}workspaces:\n{entry(source)}")
    assert not passes(FROM_A_TEAM)


@pytest.mark.parametrize("section", ["defaults", "templates"])
def test_a_shared_layer_gives_no_workspace_more(section, project):
    body = "{secrets: {integrations: {A: {env: PAYMENTS_TOKEN}}}}"
    layer = body if section == "defaults" else f"{{t: {body}}}"
    uses = "" if section == "defaults" else "template: t"
    both = f"workspaces: {{payments: {{{uses}}}, research: {{{uses}}}}}\n"
    assert not passes(f"{section}: {layer}\n{both}")
    assert passes(f"{section}: {layer}\nworkspaces: {{payments: {{{uses}}}}}\n")
    (project / "stacks/shared.yaml").write_text(f"{section}: {layer}\n")
    granted = f"include: [{{path: shared.yaml, sections: [{section}]}}]\n"
    assert not passes(granted + both)
    assert passes(granted + f"workspaces: {{payments: {{{uses}}}}}\n")


def test_the_keys_of_a_bucket_follow_the_same_rule():
    bucket = "{storage: {bucket: {name: s-1, driver: existing, endpoint: 'https://s', accessKey: %s, secretKey: %s}}}"
    for source, fine in (("{env: PAYMENTS_ID}", True), ("{env: MINIO_ROOT_PASSWORD}", False), ("{file: x}", False)):
        text = bucket % (source, "{config: payments/key}")
        assert passes(f"workspaces:\n  payments: {text}\n") is fine
