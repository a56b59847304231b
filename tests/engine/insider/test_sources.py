"""Where secrets and files come from. The attacker is the author of a change request: they write stack files, and the
pipeline runs them with its own credentials. What they write is previewed, and in the worst case merged and deployed.
"""

import base64
import json
import os
import secrets

from tests.support.certificates import CERTIFICATE
from tests.support.stacks import Stack

PLAIN = "workspaces:\n  THIS: {protect: false, owners: [user:alice@example.com]}\n"
WITH_BUNDLE = PLAIN.replace("}\n", ", settings: {caBundle: {file: PATH}}}\n")
WITH_SOURCE = PLAIN.replace("}\n", ", secrets: {integrations: {STOLEN: SOURCE}}}\n")
BUNDLE = "/api/v1/namespaces/THIS/configmaps/trusted-ca-bundle"


def planted(stack: Stack, variable: str) -> str:
    """A credential of the run, which the scan then looks for in everything that is printed and kept."""
    value = stack.machine.keep_secret(f"made-up-{secrets.token_urlsafe(24)}", f"the run's {variable}")
    stack.environment[variable] = value
    return value


def refused(stack: Stack, *texts: str) -> None:
    """Neither a preview nor an update does anything, and both say why."""
    stack.preview().refused(*texts)
    stack.up().refused(*texts)


def test_the_environment_is_no_bundle(stack: Stack) -> None:
    """8: A CA bundle out of /proc/self/environ does not show the environment in a preview or in the state."""
    planted(stack, "PASSWORD_OF_A_TEST")
    stack.environment["A_CERTIFICATE"] = CERTIFICATE
    (stack.folder / "stacks/link.pem").symlink_to("/proc/self/environ")
    paths = ("../../../../../../../../proc/self/environ", "/proc/self/environ", "link.pem")
    entries = [f"  THIS-{number}: {{settings: {{caBundle: {{file: {path}}}}}}}" for number, path in enumerate(paths)]
    stack.write("\n".join(["workspaces:", *entries, ""]))
    refused(stack, *(f"workspaces.{stack.w}-{number}.settings.caBundle.file: " for number in range(len(paths))))
    assert stack.machine.get(f"/api/v1/namespaces/{stack.w}-0") is None


def test_a_bundle_holds_certificates_alone(stack: Stack) -> None:
    """8: Of a file with a certificate and a secret, only the certificate reaches the cluster and the state."""
    value = stack.machine.keep_secret(f"made-up-{secrets.token_urlsafe(24)}", "text beside a certificate")
    (stack.folder / "stacks/ca.pem").write_text(f"PASSWORD={value}\n{CERTIFICATE}TOKEN={value}\n")
    stack.write(WITH_BUNDLE.replace("PATH", "ca.pem"))
    stack.preview().ok()
    stack.up().ok()
    bundle = stack.machine.get(BUNDLE.replace("THIS", stack.w))
    assert bundle is not None
    assert list(bundle["data"].values()) == [CERTIFICATE]


def test_the_runs_own_credentials_are_no_source(stack: Stack) -> None:
    """9: The run's credentials and the system's Secrets do not become variables of a session."""
    variables = ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "AWS_SECRET_ACCESS_KEY", "CI_JOB_TOKEN")
    for variable in variables:
        planted(stack, variable)
    for key in ("objectStore", "fleetKey"):
        value = stack.machine.keep_secret(f"made-up-{secrets.token_urlsafe(24)}", f"the config's {key}")
        stack.config(key, json.dumps({"secretKey": value}) if key == "objectStore" else value, secret=True)
    sources = [
        "{config: objectStore}",
        "{config: fleetKey}",
        *(f"{{env: {variable}}}" for variable in ("PULUMI_CONFIG_PASSPHRASE", *variables)),
        "{file: /proc/self/environ}",
        "{secret: {namespace: kube-system, name: of-the-system, key: token}}",
    ]
    entries = [f"    S{number}_TOKEN: {source}" for number, source in enumerate(sources)]
    text = ["workspaces:", "  THIS:", "   protect: false", "   secrets:", "    integrations:"]
    stack.write("\n".join([*text, *(f"  {entry}" for entry in entries), ""]))
    refused(stack, *(f"integrations.S{number}_TOKEN." for number in range(len(sources))), "never a source")
    assert stack.machine.get(f"/api/v1/namespaces/{stack.w}") is None


def test_only_what_is_a_workspaces_own_is_a_source(stack: Stack) -> None:
    """9: Variables and files of the run, and of other workspaces, are no source; a team's file gets none by a name."""
    own = stack.w.upper()
    for variable in ("SOPS_AGE_KEY", "DOCKER_AUTH_CONFIG", "OP_SERVICE_ACCOUNT_TOKEN", f"{own}_B_TOKEN"):
        planted(stack, variable)
    folder = stack.folder / "secrets"
    for name in (stack.w, f"{stack.w}-b"):
        (folder / name).mkdir(parents=True)
        token = stack.machine.keep_secret(f"made-up-{secrets.token_urlsafe(24)}", f"a file of {name}")
        (folder / name / "token").write_text(token)
    (stack.folder / ".npmrc").write_text("made up")
    (folder / stack.w / "link").symlink_to("../../.npmrc")
    (folder / "linked").symlink_to(folder / f"{stack.w}-b")
    sources = [
        "{env: SOPS_AGE_KEY}",
        "{env: DOCKER_AUTH_CONFIG}",
        f"{{env: {own}_B_TOKEN}}",
        f"{{env: {own.lower()}_TOKEN}}",
        "{file: ../.npmrc}",
        f"{{file: ../secrets/{stack.w}-b/token}}",
        f"{{file: ../secrets/{stack.w}/../{stack.w}-b/token}}",
        f"{{file: ../secrets/{stack.w}/link}}",
        "{file: ../secrets/linked/token}",
    ]
    entries = "".join(f"      S{number}_TOKEN: {source}\n" for number, source in enumerate(sources))
    other = "  THIS-b: {protect: false}\n"
    stack.write(f"workspaces:\n{other}  THIS:\n   protect: false\n   secrets:\n    integrations:\n{entries}")
    refused(
        stack, *(f"integrations.S{number}_TOKEN." for number in range(len(sources))), "secretSources: [{variables: "
    )
    # The names of workspaces of a team's file are its author's.
    team = stack.folder / "stacks/team.yaml"
    team.write_text(
        "workspaces:\n  docker: {secrets: {integrations: {A: {env: DOCKER_AUTH_CONFIG}}}}\n"
        f"  {stack.w}-c: {{secrets: {{integrations: {{B: {{file: ../secrets/{stack.w}-c/token}}}}}}}}\n"
    )
    stack.write(f"include: [team.yaml]\nworkspaces:\n{other}")
    refused(stack, "docker.secrets.integrations.", f"{stack.w}-c.secrets.integrations.")
    team.write_text(f"guardrails: {{secretSources: [{{variables: DOCKER_AUTH_CONFIG}}]}}\n{team.read_text()}")
    refused(stack, "stacks/team.yaml:1:1: guardrails: an included file holds workspaces alone")
    value = stack.machine.keep_secret(f"made-up-{secrets.token_urlsafe(24)}", "a variable of the workspace")
    stack.environment[f"{own}_TOKEN"] = value
    mine = f"integrations: {{A: {{env: {own}_TOKEN}}, B: {{file: ../secrets/{stack.w}/token}}}}"
    stack.write(f"workspaces:\n  THIS: {{protect: false, secrets: {{{mine}}}}}\n")
    stack.up().ok()
    made = stack.machine.get(f"/api/v1/namespaces/{stack.w}/secrets/ambient-non-vertex-integrations")
    assert made is not None
    assert base64.b64decode(made["data"]["A"]).decode() == value


def test_the_kubeconfig_is_no_source(stack: Stack) -> None:
    """9: The deployer's kubeconfig does not become a variable of a session, whatever it is called."""
    kubeconfig = stack.environment["KUBECONFIG"].split(os.pathsep)[0]
    (stack.folder / "stacks/link.txt").symlink_to(kubeconfig)
    files = f"A_TOKEN: {{file: {kubeconfig}}}, B_TOKEN: {{file: link.txt}}"
    allowed = "guardrails: {secretSources: [{folder: stacks}]}\n"
    stack.write(allowed + WITH_SOURCE.replace("STOLEN: SOURCE", files))
    stack.preview().refused("integrations.A_TOKEN.file: ", "integrations.B_TOKEN.file: 'stacks/link.txt' leads out of")
    again = stack.folder / "stacks/cluster.txt"
    os.link(kubeconfig, again)
    stack.write(allowed + WITH_SOURCE.replace("SOURCE", "{file: cluster.txt}"))
    refused(stack, "the file 'stacks/cluster.txt' holds credentials of the run")
    again.unlink()


def test_another_teams_secret_is_no_source(stack: Stack) -> None:
    """9: A Secret of another workspace is not read into one's own, but where the stack file allows it."""
    other = f"{stack.w}-other"
    value = stack.machine.keep_secret(f"made-up-{secrets.token_urlsafe(24)}", "another team's key")
    stack.machine.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"key": value}}
    stack.machine.create(f"/api/v1/namespaces/{other}/secrets", secret)
    text = WITH_SOURCE.replace("SOURCE", f"{{secret: {{namespace: {other}, name: keys, key: key}}}}")
    stack.write(text)
    refused(stack, f"Secret {other}/keys is in another namespace")
    # What the platform team allows at the top of the stack file is read, and both are seen in the preview.
    stack.write(f"guardrails: {{secretSources: [{{namespace: {other}, workspaces: [THIS]}}]}}\n{text}")
    preview = stack.preview().ok()
    assert f'"Secret {other}/keys, key key"' in preview.text
    assert f'"namespace {other} for {stack.w}"' in preview.text
    stack.up().ok()
    made = stack.machine.get(f"/api/v1/namespaces/{stack.w}/secrets/ambient-non-vertex-integrations")
    assert made is not None
    assert base64.b64decode(made["data"]["STOLEN"]).decode() == value


def test_another_source_is_seen(stack: Stack) -> None:
    """9: A variable that is read from elsewhere from now on is seen in a plain preview and on the plan's page."""
    stack.secret("payments/one")
    stack.write(WITH_SOURCE.replace("SOURCE", "{config: payments/one}"))
    stack.up().ok()
    stack.environment["ANOTHER_TOKEN"] = stack.machine.keep_secret("made-up-of-the-environment-1", "a variable")
    allowed = "guardrails: {secretSources: [{variables: ANOTHER_TOKEN}]}\n"
    stack.write(allowed + WITH_SOURCE.replace("SOURCE", "{env: ANOTHER_TOKEN}"))
    assert '"config payments/one" => "env ANOTHER_TOKEN"' in stack.preview().ok().text
    page = stack.ambient("plan", stack.name).text
    assert f"~  {stack.w}  STOLEN  integrations: config payments/one -> env ANOTHER_TOKEN" in page


def test_a_team_file_reaches_no_other_workspace(stack: Stack) -> None:
    """10: A team's own file does not make its author owner of other teams' workspaces."""
    (stack.folder / "stacks/teams").mkdir()
    team = stack.folder / "stacks/teams/mallory.yaml"
    team.write_text(f"workspaces: {{{stack.w}-m: {{protect: false, owners: [user:mallory@example.com]}}}}\n")
    stack.write("include: [teams/*.yaml]\nworkspaces:\n  THIS: {protect: false, grants: [{user: bob@example.com}]}\n")
    stack.up().ok()
    sections = (
        "defaults: {owners: [user:mallory@example.com]}",
        "exceptions: [{guardrail: publicAccess, reason: mine}]",
        "guardrails: {secretSources: [{namespace: vault}]}",
        "templates: {t: {owners: [user:mallory@example.com]}}",
    )
    team.write_text("\n".join([*sections, team.read_text()]))
    refused(stack, *(f"stacks/teams/mallory.yaml:{line}:1: " for line in range(1, len(sections) + 1)))
    bindings = stack.machine.get(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{stack.w}/rolebindings") or {}
    assert "mallory" not in json.dumps(bindings)


def test_an_include_neither_hangs_nor_fills_the_memory(stack: Stack) -> None:
    """14: An include of a device or of a pipe is refused: no run hangs or runs out of memory."""
    os.mkfifo(stack.folder / "stacks/pipe.yaml")
    (stack.folder / "stacks/zero.yaml").symlink_to("/dev/zero")
    stack.write(f"include: [../../../../../../../../dev/zero, zero.yaml, pipe.yaml]\n{PLAIN}")
    stack.preview().refused(
        "include[0]: '../../../../../../../../dev/zero' leads out of the project",
        "include[1]: 'stacks/zero.yaml' leads out of the project",
        "stacks/pipe.yaml: is not a regular file",
    )


def test_a_key_is_not_delivered_to_the_system(stack: Stack) -> None:
    """14: A key is not delivered into a namespace of the system or of the platform."""
    namespaces = ("kube-system", "kube-public", "openshift-config", "ambient-code")
    keys = [
        f"k{number}: {{deliver: {{secret: {{namespace: {namespace}, name: {stack.w}-key}}}}}}"
        for number, namespace in enumerate(namespaces)
    ]
    stack.write(PLAIN.replace("}\n", f", keys: {{{', '.join(keys)}}}}}\n"))
    refused(stack, *(f"'{namespace}' is " for namespace in namespaces), "where no key is delivered to")
    for namespace in namespaces:
        assert stack.machine.get(f"/api/v1/namespaces/{namespace}/secrets/{stack.w}-key") is None


def test_a_teams_file_takes_no_namespace_over(stack: Stack) -> None:
    """9: A team's file does not make its author admin of an existing namespace by `adopt: true`."""
    other = f"{stack.w}-other"
    stack.machine.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    team = stack.folder / "stacks/teams/team.yaml"
    team.parent.mkdir()
    team.write_text(
        f"workspaces:\n  {other}: {{adopt: true, protect: false, grants: [{{group: our-team, role: admin}}]}}\n"
    )
    rest = f"include: [teams/*.yaml]\n{PLAIN}"
    stack.write(rest)
    refused(stack, f"workspaces.{other}.adopt: takes over namespace {other!r}")
    bindings = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{other}/rolebindings"
    assert (stack.machine.get(bindings) or {})["items"] == []
    # What the platform team names at the top of the stack file is taken over, and the preview shows the list.
    stack.write(f"guardrails: {{adopt: [{other}]}}\n{rest}")
    assert f'"{other}"' in stack.preview().ok().text
    stack.up().ok()
    assert (stack.machine.get(bindings) or {})["items"]
