"""The access of a workspace before its adoption, and its way through the engine."""

from hypothesis import given
from hypothesis import strategies as st

from ambient_components.access.adoption import Adoption, notes, read
from ambient_components.access.adoption import adoption as adoption_of
from ambient_components.access.role_assignments import RoleAssignment
from ambient_components.problem_json import decode, encode
from tests.support.access_objects import account, account_name, binding, by_platform, made, of_kind, recognised
from tests.support.ledgers import entry

W = "payments"
PLAIN = {"state": "active", "adopt": True, "owners": ["user:alice"], "grants": {"group:devs": "edit"}, "keys": {}}
KEY = {"role": "view", "generation": 1}
OWN = by_platform(W)
_TEXT = st.text(min_size=1, max_size=20)
_ROLES = st.lists(st.builds(RoleAssignment, st.just(W), _TEXT, _TEXT, _TEXT), max_size=150, unique=True)


def seen(bindings, accounts, plain=PLAIN, *, lost=False):
    own = recognised(OWN)
    return adoption_of(W, entry(plain), bindings, accounts, own, lost=lost)


def assignment(subject, role, reason):
    return RoleAssignment(W, subject, role, reason)


def test_objects_of_declared_names_are_taken_and_all_others_stay():
    debug = binding(W, "debug", "ClusterRole/admin", "user:bob")
    adoptions = seen([*made({W: PLAIN})[0], debug, *of_kind(OWN, "RoleBinding")], [account(W, "ambient-key-theirs-1")])
    assert adoptions.taken == (assignment("group:devs", "edit", "grant"), assignment("user:alice", "admin", "owner"))
    assert adoptions.staying == (
        assignment(f"serviceaccount:{W}:ambient-key-theirs-1", "none", "key"),
        assignment("user:bob", "ClusterRole/admin", "RoleBinding debug"),
    )
    assert [kind for kind, _ in adoptions.objects] == ["RoleBinding", "RoleBinding"]


def test_a_key_is_taken_only_if_its_entry_adopts_the_account():
    foreign = {**PLAIN, "keys": {"ci": KEY}}
    mine = {**PLAIN, "keys": {"ci": {**KEY, "adopt": [account_name(W, "ci")]}}}
    assert [one.subject for one in seen(*made({W: foreign}), foreign).taken] == ["group:devs", "user:alice"]
    assert seen(*made({W: foreign}), foreign).staying == ()
    # After a lost state the others stop the run, so they stay as they are.
    two = {**PLAIN, "keys": {"ci": KEY, "two": KEY}}
    lost = seen(*made({W: two}), two, lost=True).taken
    assert {assignment(f"key:{key}", "view", "key") for key in two["keys"]} <= {*lost}
    adoptions = seen(*made({W: mine}), mine)
    assert assignment("key:ci", "view", "key") in adoptions.taken
    assert ("ServiceAccount", account_name(W, "ci")) in adoptions.objects


def test_a_key_of_the_platform_is_taken():
    name = "ambient-key-nightly-3f2a91bc"
    mine = {**PLAIN, "keys": {"ci": {**KEY, "serviceAccount": name}}}
    who = f"serviceaccount:{W}:{name}"
    bound = binding(W, "ambient-key-view-nightly-3f2a91bc", "view", who, labels={"app": "ambient-access-key"})
    adoptions = seen([bound], [account(W, name)], mine)
    assert adoptions.taken == (assignment("key:ci", "view", "key"),)
    assert adoptions.staying == ()
    assert {kind for kind, _ in adoptions.objects} == {"RoleBinding", "ServiceAccount"}


@given(_ROLES, _ROLES, st.lists(st.tuples(_TEXT, _TEXT), max_size=150, unique=True))
def test_a_value_crosses_the_engine(taken, staying, objects):
    one = Adoption(W, True, tuple(sorted(taken)), tuple(sorted(staying)), tuple(sorted(objects)))
    messages = [encode(note) for note in notes(one)]
    assert all(len(message) < 100_000 for message in messages)
    assert read(note for message in messages for note in decode(message)) == (one,)


def test_a_missing_workspace_crosses_it_too():
    assert read(notes(Adoption(W, exists=False))) == (Adoption(W, exists=False),)
    assert read([]) == ()
