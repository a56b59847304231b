"""Programs with a workspace that their ledger does not name: nothing of it is made, in the component and beside it."""

from tests.support.stacks import Stack

PROGRAM = """
import pulumi
from ambient_components import AccessLedger, ClusterProviders, Grant, Workspace

config = pulumi.Config()
owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
cluster = ClusterProviders.of("cluster", cluster_uid=config.require("clusterUid"), unguarded=UNGUARDED)
entry = {"state": "active", "owners": [], "grants": {"group:devs": "edit"}, "keys": {}}
named = pulumi.ResourceOptions(provider=cluster.ambient)
after = [AccessLedger("access", {"owner": owner, "workspaces": {"THIS": entry}}, named)] if LEDGER else []
options = pulumi.ResourceOptions(providers=cluster.both, depends_on=after)
grants = [{"group": "devs", "role": "edit"}]
Workspace("THIS", owner=owner, protect=False, grants=grants, opts=options)
MORE
"""
GREY = """
grey = [{"user": "x", "role": "admin"}]
Workspace("THIS-grey", owner=owner, protect=False, grants=grey, opts=options)
"""
GRANT = """
Grant("more", namespace="THIS-grey", user="x", role="ROLE", opts=options)
"""


BESIDE = """
import pulumi
from ambient_components import ClusterProviders, Grant, Workspaces

cluster = ClusterProviders.of("cluster", cluster_uid=pulumi.Config().require("clusterUid"))
grants = [{"group": "devs", "role": "edit"}]
if AMONG:
    grants.append({"user": "x", "role": "admin"})
workspaces = Workspaces({"THIS": {"grants": grants, "owners": ["user:a"], "protect": False}}, cluster=cluster)
options = pulumi.ResourceOptions(depends_on=[workspaces.ledger, workspaces["THIS"]], providers=PROVIDERS)
if not AMONG:
    Grant("more", namespace="THIS", user="x", role="admin", opts=options)
"""


def beside(stack: Stack, *, among: bool = False, providers: str = "workspaces.cluster.both") -> None:
    text = BESIDE.replace("AMONG", str(among)).replace("PROVIDERS", providers)
    (stack.folder / "__main__.py").write_text(text.replace("THIS", stack.w))


def program(stack: Stack, *, ledger: bool = True, unguarded: bool = False, more: str = "") -> None:
    text = PROGRAM.replace("MORE", more).replace("UNGUARDED", str(unguarded)).replace("LEDGER", str(ledger))
    (stack.folder / "__main__.py").write_text(text.replace("THIS", stack.w))


def made(stack: Stack) -> list[str]:
    """What is in the cluster of the workspace that no ledger names."""
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{stack.w}-grey/rolebindings"
    namespace = stack.machine.get(f"/api/v1/namespaces/{stack.w}-grey")
    bindings = (stack.machine.get(path) or {"items": []})["items"]
    return [*(["namespace"] if namespace else []), *(one["metadata"]["name"] for one in bindings)]


def test_a_forgotten_workspace_is_refused_in_preview_and_run_and_nothing_of_it_is_made(stack: Stack) -> None:
    program(stack)
    stack.up().ok()
    before = {one["urn"] for one in stack.export()}
    program(stack, more=GREY)
    for run in (stack.preview, stack.up):
        refused = run()
        assert refused.code != 0
        assert f"workspace '{stack.w}-grey' depends on no AccessLedger that names it" in refused.text
    assert made(stack) == []
    assert [one["urn"] for one in stack.export() if "grey" in one["urn"]] == []
    program(stack)
    assert stack.preview("--expect-no-changes").unchanged
    assert {one["urn"] for one in stack.export()} == before


def test_what_bypasses_the_component_is_refused_by_the_plugin(stack: Stack) -> None:
    path = "/api/v1/namespaces"
    stack.machine.create(path, {"metadata": {"name": f"{stack.w}-grey"}})
    for ledger, reason in ((True, "the program's ledger does not name it"), (False, "no ledger was checked")):
        program(stack, ledger=ledger, more=GRANT.replace("ROLE", "admin"))
        if not ledger:
            text = (stack.folder / "__main__.py").read_text()
            (stack.folder / "__main__.py").write_text("\n".join(x for x in text.splitlines() if x[:9] != "Workspace"))
        for run in (stack.preview, stack.up):
            run().refused(f"workspace '{stack.w}-grey': {reason}", "unguarded")
        assert made(stack) == ["namespace"]


def test_access_that_the_entry_does_not_have_is_refused_in_preview_and_run(stack: Stack) -> None:
    program(stack)
    stack.up().ok()
    program(stack, more='Grant("more", namespace="THIS", user="x", role="admin", opts=options)')
    for run in (stack.preview, stack.up):
        reason = "its entry in the program's ledger does not have ClusterRole/ambient-project-admin of user:x"
        run().refused(f"workspace '{stack.w}': {reason}", "unguarded")
    bindings = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{stack.w}/rolebindings"
    assert len(stack.machine.get(bindings)["items"]) == 1


def test_the_hints_for_a_grant_beside_workspaces_lead_to_programs_that_work(stack: Stack) -> None:
    bindings = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{stack.w}/rolebindings"

    def admins() -> list[str]:
        items = stack.machine.get(bindings)["items"]
        return [item["metadata"]["name"] for item in items if item["subjects"][0]["name"] == "x"]

    beside(stack, among=False)
    refused = stack.preview()
    refused.refused(f"workspace '{stack.w}': its entry in the program's ledger does not have")
    assert "in a program with Workspaces: declare it there, a grant or key in its workspace" in refused.flat
    assert "providers=ClusterProviders.of(NAME, unguarded=True).both" in refused.flat
    for hinted in ({"among": True}, {"providers": 'ClusterProviders.of("own", unguarded=True).both'}):
        beside(stack, **hinted)
        stack.up().ok()
        assert len(admins()) == 1
        assert stack.preview("--expect-no-changes").unchanged
        stack.destroy().ok()


def test_a_program_without_ledger_says_so_and_a_ledger_may_come_later(stack: Stack) -> None:
    program(stack, ledger=False)
    assert "depends on no AccessLedger" in stack.preview().text
    program(stack, ledger=False, unguarded=True, more=GREY)
    stack.up().ok()
    assert stack.preview("--expect-no-changes").unchanged
    assert len(made(stack)) == 2
    program(stack, ledger=False, unguarded=True)
    stack.up().ok()  # what no ledger names is removed too
    assert made(stack) == []
    program(stack)
    stack.up().ok()
    # A ledger that is not a target is not checked.
    stack.up("--target", stack.resource("Namespace", f"{stack.w}/namespace")["urn"]).ok()
    stack.up("--target", stack.resource("RoleBinding", f"{stack.w}/grant/group:devs")["urn"]).ok()
    stack.refresh().ok()
    stack.up().ok()
    assert stack.preview("--expect-no-changes").unchanged
    stack.destroy().ok()
    assert stack.export() == []
