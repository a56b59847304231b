"""Further attacks by the files: of the author of an included file, or of a change that is merged after a preview."""

import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.attacks import CORE
from tests.support.insider import WITH_INSIDER, Insider
from tests.support.stacks import REPOSITORY, Stack

CLOSED = "    state: closed\n    onClose: {wait: 1s}\n"


ADMIN_KEY = "ci: {role: admin}"
PUBLIC = "{group: 'system:authenticated', role: edit}"


def test_guardrails_and_a_closed_workspace(insider: Insider) -> None:
    """An admin key and access for everyone that are written while a workspace is closed do not pass with its opening"""
    stack = insider.stack
    stack.write(WITH_INSIDER + CLOSED)
    stack.up().ok()
    bad = WITH_INSIDER.replace("ci: {role: edit}", ADMIN_KEY).replace("    keys:", f"      - {PUBLIC}\n    keys:")
    stack.write(bad + CLOSED)
    stack.up()
    stack.write(bad)
    stack.up().refused("is of role admin", "everyone with any login")


def test_guardrails_and_a_grant_of_the_past(insider: Insider) -> None:
    """A grant for everyone that is written with an end in the past is refused when its end moves"""
    stack = insider.stack
    over = PUBLIC.replace("}", ", until: 2020-01-01}")
    stack.write(WITH_INSIDER.replace("    keys:", f"      - {over}\n    keys:"))
    stack.up()
    stack.write(WITH_INSIDER.replace("    keys:", f"      - {over.replace('2020', '2999')}\n    keys:"))
    stack.up().refused("group:system:authenticated has edit")


def test_guardrails_and_a_new_generation(insider: Insider) -> None:
    """A new generation, or the adoption of an account, does not bring a key of role admin past the guardrail"""
    stack = insider.stack
    for key in ("{role: admin, generation: 2}", "{role: admin, generation: 2, overlap: 1d}"):
        stack.write(WITH_INSIDER.replace("{role: edit}\n", f"{key}\n"))
        stack.up().refused("is of role admin")
    adopted = f"{ADMIN_KEY[:-1].replace('ci', 'old')}, serviceAccount: ambient-key-old-00000001}}"
    metadata = {"name": "ambient-key-old-00000001", "labels": {"app": "ambient-access-key"}}
    insider.create("serviceaccounts", {"metadata": metadata})
    stack.write(f"{WITH_INSIDER}      {adopted}\n")
    stack.up().refused("is of role admin")


def team_file(stack: Stack, text: str, name: str = "team.yaml") -> None:
    (stack.folder / "stacks/teams").mkdir(exist_ok=True)
    (stack.folder / "stacks/teams" / name).write_text(text.replace("THIS", stack.w))


POLICY = "guardrails: {groupsOnly: true, maxKeys: 1}\n"
MALLORY = "workspaces: {THIS: {owners: [group:devs], grants: [{user: mallory@example.com, role: admin}]}}\n"


@pytest.mark.parametrize(
    ("included", "refusal"),
    [
        ("[../shared/policy.yaml]", "guardrails.groupsOnly"),
        ("[../STACK]", "guardrails.groupsOnly"),
        ("[{path: ../shared/policy.yaml, sections: [templates]}]", "grants templates, which this file may not hold"),
        ("[{path: own.inc, sections: [guardrails]}]", "grants guardrails, which this file may not hold"),
        ("[own.inc]", "an included file holds"),
    ],
)
def test_includes_that_weaken_the_policy(stack: Stack, included: str, refusal: str) -> None:
    """A team's file does not switch guardrails off by including their file, the stack file or its own first"""
    (stack.folder / "stacks/shared").mkdir()
    (stack.folder / "stacks/shared/policy.yaml").write_text(POLICY)
    team_file(stack, f"include: {included.replace('STACK', f'{stack.name}.yaml')}\n{MALLORY}")
    team_file(stack, POLICY.replace("true", "false"), "own.inc")
    granted = "{path: teams/*.yaml, sections: [include]}, {path: shared/policy.yaml, sections: [guardrails]}"
    stack.write(f"include: [{granted}]\nworkspaces: {{}}\n")
    assert refusal in stack.ambient("validate", "--strict").text


def bombs() -> dict[str, str]:
    """Small files that are large, deep or long for a program that does not expect them."""
    aliases = "\n".join(f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))
    head = "workspaces: {THIS: {owners: ['user:alice@example.com'], "
    return {
        "aliases": f"defaults:\n  a0: &a0 [x]\n{aliases}\nworkspaces: {{THIS: {{owners: *a29}}}}\n",
        "alias of itself": "workspaces: &w {THIS: {labels: *w}}\n",
        "brackets": f"{head}owners: {'[' * 20_000}\n",
        "mappings": f"{head}labels: {'{a: ' * 5_000}x{'}' * 5_000}}}}}\n",
        "digits": f"{head}keys: {{ci: {{generation: {'9' * 6_000}}}}}}}}}\n",
        "years": f"{head}keys: {{ci: {{lifetime: {'9' * 400}y}}}}}}}}\n",
        "moment": f"{head}grants: [{{user: x, until: 0001-01-01T00:00:00+23:59}}]}}}}\n",
        "day": f"{head}grants: [{{user: x, until: 9999-12-31, warnAhead: 9999y}}]}}}}\n",
        "quantity": f"{head}limits: {{quota: {{pods: 1e999999999}}}}}}}}\n",
        "template": "templates: {t: &t {template: t, labels: {a: b}}}\nworkspaces: {THIS: {template: t}}\n",
        "glob": f"include: ['{'**/' * 60}*.yaml']\n{head}}}}}\n",
    }


@pytest.mark.parametrize("what", [*bombs()])
def test_files_that_are_bombs(stack: Stack, what: str) -> None:
    """A stack file of a few lines neither hangs validate, nor fills its memory, nor ends it with a bug"""
    deep = stack.folder / "stacks"
    for name in ["d"] * 12:
        deep /= name
    deep.mkdir(parents=True)
    stack.write(bombs()[what])
    words = ["bash", "-c", f"ulimit -v 4000000; exec timeout 60 {REPOSITORY}/.venv/bin/ambient validate"]
    ended = subprocess.run(words, cwd=stack.folder, env=stack.environment, capture_output=True, text=True, check=False)
    reported = ended.stdout + ended.stderr
    assert ended.returncode in (0, 1), f"{ended.returncode}: {reported[-2000:]}"
    assert "Traceback" not in reported
    assert "bug" not in reported
    assert len(reported) < 50_000


def test_sources_with_another_spelling(stack: Stack) -> None:
    """No spelling of a path in the config and no link in the project makes the run's own secrets a variable"""
    secret = stack.machine.keep_secret("made-up-of-the-store-0123456789", "the object store's key")
    for key, value in (("endpoint", "https://s3.example.com"), ("accessKey", "A"), ("secretKey", secret)):
        stack.config(f"objectStore.{key}", value, "--path", secret=key == "secretKey")
    (stack.folder / ".git").mkdir()
    (stack.folder / ".git/config").write_text(secret)
    (stack.folder / "stacks/folder").symlink_to("../.git")
    (stack.folder / "stacks/npm.txt").symlink_to("folder/config")
    sources = (
        "{config: objectStore.secretKey}",
        "{config: 'ambient-components:objectStore'}",
        "{config: objectStore/secretKey}",
        "{file: folder/config}",
        "{file: npm.txt}",
        "{file: 'folder/../.git//./config'}",
        "{secret: {namespace: THIS, name: '../../kube-system/secrets/x', key: a}}",
    )
    for source in sources:
        stack.write(f"workspaces: {{THIS: {{protect: false, secrets: {{integrations: {{NPM_TOKEN: {source}}}}}}}}}\n")
        stack.up().refused("integrations.NPM_TOKEN")
    assert stack.machine.get(f"{CORE}/{stack.w}/secrets/ambient-non-vertex-integrations") is None


@pytest.mark.parametrize("editors", ["{group: devs, role: edit, from: 2999-01-01}", "{group: devs, role: admin}"])
def test_every_account_as_admin(stack: Stack, editors: str) -> None:
    """With isolateAdminKeys no group that has the workspace's accounts is an admin beside present or future editors"""
    public = "exceptions: [{guardrail: publicAccess, reason: x}]"
    for everyone in (f"system:serviceaccounts:{stack.w}", "system:serviceaccounts"):
        grants = f"[{{group: '{everyone}', role: admin}}, {editors}]"
        entry = f"{{owners: ['user:alice@example.com'], grants: {grants}, {public}}}"
        stack.write(f"guardrails: {{isolateAdminKeys: true}}\nworkspaces: {{THIS: {entry}}}\n")
        refused = "isolateAdminKeys" in stack.ambient("validate").text
        assert refused is ("edit" in editors), everyone


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_an_admin_in_the_future(stack: Stack, form: str) -> None:
    """An admin whose grant begins in a month is on the plan's page before it is merged"""
    day = (datetime.now(UTC) + timedelta(days=40)).date()
    stack.write(f"workspaces: {{THIS: {{grants: [{{user: mallory@example.com, role: admin, from: {day}}}]}}}}\n")
    assert "mallory@example.com" in stack.ambient("plan", stack.name, "--offline", "--format", form).text


def test_an_admin_behind_many_lines(stack: Stack) -> None:
    """Hundreds of grants with long names do not push an admin off a Markdown page that is cut"""
    many = ", ".join(f"{{user: x{number}{'x' * 30}@example.com}}" for number in range(400))
    admin = "{user: mallory@example.com, role: admin}"
    stack.write(f"workspaces: {{a-first: {{grants: [{many}]}}, THIS: {{grants: [{many}, {admin}]}}}}\n")
    page = stack.ambient("plan", stack.name, "--offline", "--format", "markdown", "--limit", "5000")
    assert page.code == 1, "the page is not cut"
    assert "mallory" in page.text


def test_deliveries_into_workspaces(stack: Stack) -> None:
    """No key is delivered into its own workspace, another one of the stack, or one of another stack that is closed"""
    closed = f"{stack.w}-other"
    notes = {"ambient-components/owner": "other/stack"}
    labels = {"ambient-code.io/managed": "false"}
    stack.machine.create(CORE, {"metadata": {"name": closed, "annotations": notes, "labels": labels}})
    for namespace in (stack.w, f"{stack.w}-b", closed):
        keys = f"keys: {{ci: {{deliver: {{secret: {{namespace: {namespace}, name: stolen}}}}}}}}"
        stack.write(f"workspaces:\n  THIS: {{protect: false, {keys}}}\n  THIS-b: {{protect: false}}\n")
        stack.up().refused(namespace)
        assert stack.machine.get(f"{CORE}/{namespace}/secrets/stolen") is None
