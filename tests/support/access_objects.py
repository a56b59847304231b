"""RoleBindings and ServiceAccounts as an API server lists them: those of a ledger, and those that others make."""

from ambient_components.access.platform_own import PlatformOwn
from ambient_components.platform import naming
from ambient_components.platform.contract import Role, cluster_role
from ambient_components.platform.subjects import parse_subject
from tests.support.operator_made import of_schedules, of_session

OWNER_LABELS = {"ambient-code.io/role": "admin"}
GRANT_LABELS = {"app": "ambient-permission"}
KEY_LABELS = {"app": "ambient-access-key"}


def rbac_subject(text):
    """user:NAME, group:NAME or serviceaccount:NAMESPACE:NAME, as in a RoleBinding."""
    kind, _, rest = text.partition(":")
    if kind == "serviceaccount":
        namespace, _, name = rest.partition(":")
        return {"kind": "ServiceAccount", "namespace": namespace, "name": name}
    return {"kind": kind.title(), "apiGroup": "rbac.authorization.k8s.io", "name": rest}


def binding(namespace, name, role, *subjects, labels=None):
    """A RoleBinding; the role is one of the platform's, or KIND/NAME."""
    kind, _, of_kind = role.partition("/")
    reference = {"kind": kind, "name": of_kind} if of_kind else {"kind": "ClusterRole", "name": cluster_role(role)}
    return {
        "metadata": {"namespace": namespace, "name": name, **({"labels": labels} if labels else {})},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", **reference},
        **({"subjects": [rbac_subject(subject) for subject in subjects]} if subjects else {}),
    }


def account(namespace, name):
    """The ServiceAccount of a key."""
    return {"metadata": {"namespace": namespace, "name": name, "labels": KEY_LABELS}}


def account_name(workspace, key_id, generation=1, of_platform=None):
    """What the identity of one generation of a key is called."""
    return naming.key_account(workspace, key_id, generation, of_platform)


def owner(workspace, subject):
    return binding(workspace, naming.owner_binding(parse_subject(subject)), "admin", subject, labels=OWNER_LABELS)


def grant(workspace, subject, role):
    name = naming.grant_binding(Role(role), parse_subject(subject))
    return binding(workspace, name, role, subject, labels=GRANT_LABELS)


def key_binding(workspace, key_id, role, generation=1, of_platform=None):
    account_of = account_name(workspace, key_id, generation, of_platform)
    name = naming.key_role_binding(Role(role), account_of)
    who = f"serviceaccount:{workspace}:{account_of}"
    return binding(workspace, name, role, who, labels=KEY_LABELS)


def made(ledger):
    """What a run makes of a ledger: RoleBindings, and ServiceAccounts."""
    bindings, accounts = [], []
    for name, entry in ledger.items():
        bindings += [owner(name, who) for who in entry["owners"]]
        bindings += [grant(name, who, role) for who, role in entry["grants"].items()]
        for key_id, key in entry["keys"].items():
            for generation in map(int, filter(None, (key["generation"], key.get("overlapping")))):
                identity = (generation, key.get("serviceAccount"))
                bindings.append(key_binding(name, key_id, key["role"], *identity))
                accounts.append(account(name, account_name(name, key_id, *identity)))
    return bindings, accounts


def in_state(ledger):
    """What a run makes of a ledger, as resources of the state."""
    bindings, accounts = made(ledger)
    kinds = {"ambient:index:RoleBinding": bindings, "ambient:index:ServiceAccount": accounts}
    return [
        {
            "type": kind,
            "urn": f"urn:pulumi:dev::p::{kind}::{item['metadata']['namespace']}/{item['metadata']['name']}",
            "inputs": item,
        }
        for kind, objects in kinds.items()
        for item in objects
    ]


def by_platform(namespace, *sessions):
    """What the platform makes for itself in every workspace, and for each session, with the owners of it."""
    made = [
        of_schedules(namespace, "u-settings"),
        *(of_session(namespace, session, f"u-{session}") for session in sessions),
    ]
    return [
        owning("ProjectSettings", namespace, "projectsettings", "u-settings"),
        *(owning("AgenticSession", namespace, session, f"u-{session}") for session in sessions),
        *(item for one in made for item in one.values()),
    ]


def owning(kind, namespace, name, uid):
    """ProjectSettings or a session."""
    return {"kind": kind, "metadata": {"namespace": namespace, "name": name, "uid": uid}}


def of_kind(items, *kinds):
    """The objects of these kinds."""
    return [item for item in items if item.get("kind", "RoleBinding") in kinds]


def recognised(items):
    """What decides whether a binding among these objects is the platform's own."""
    return PlatformOwn.of(*(of_kind(items, kind) for kind in ("Role", "ProjectSettings", "AgenticSession")))
