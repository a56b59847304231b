"""Strategies of access: role assignments, and ledgers of workspaces with owners, grants and keys."""

from hypothesis import strategies as st

from ambient_components.access.role_assignments import GRANT, KEY, OWNER, RoleAssignment

WORKSPACES = st.sampled_from(["billing", "payments", "research"])
ROLES = st.sampled_from(["view", "edit", "admin"])
PEOPLE = st.sampled_from(
    ["user:alice@example.com", "user:bob", "group:devs", "group:a:b", "serviceaccount:ci:bot", "user:system:x"]
)
KEY_IDS = st.sampled_from(["ci", "nightly-report", "x1"])

ROLE_ASSIGNMENTS = st.frozensets(
    st.builds(
        RoleAssignment,
        workspace=WORKSPACES,
        subject=PEOPLE | KEY_IDS.map(lambda key_id: f"key:{key_id}"),
        role=ROLES | st.sampled_from(["ClusterRole/admin", "ClusterRole/cluster-admin", "Role/x", "none"]),
        reason=st.sampled_from([OWNER, GRANT, KEY, "RoleBinding debug"]),
    ),
    max_size=12,
)


@st.composite
def _keys(draw):
    generation = draw(st.integers(1, 5))
    overlapping = draw(st.none() | st.just(generation - 1))
    key = {"role": draw(ROLES), "generation": draw(st.sampled_from([generation, float(generation)]))}
    if draw(st.booleans()):
        key["serviceAccount"] = "ambient-key-{}-3f2a91bc"
    return {**key, "overlapping": overlapping} if overlapping else key


def _with_accounts(keys):
    """The platform made the first identity of some keys, each under a name of its own."""
    found = {key_id: dict(key) for key_id, key in keys.items()}
    for key_id, key in found.items():
        if "serviceAccount" in key:
            key["serviceAccount"] = key["serviceAccount"].format(f"by-hand-{key_id}")
    return found


ENTRIES = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["active", "closed"]),
        "owners": st.lists(PEOPLE, unique=True, max_size=3).map(sorted),
        "grants": st.dictionaries(PEOPLE.filter(lambda who: not who.startswith("service")), ROLES, max_size=4),
        "keys": st.dictionaries(KEY_IDS, _keys(), max_size=3).map(_with_accounts),
    }
)

LEDGERS = st.dictionaries(WORKSPACES, ENTRIES)
