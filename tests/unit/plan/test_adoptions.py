"""What a plan says of adopted workspaces: who has access now, and who gains or loses some."""

from ambient_components.access.adoption import Adoption, notes
from ambient_components.access.role_assignments import RoleAssignment
from ambient_components.plan import facts
from ambient_components.plan.document import document
from ambient_components.plan.facts import AccessThere, Adopted, WorkspaceChange
from ambient_components.plan.headline import headline
from ambient_components.plan.markdown import as_markdown
from ambient_components.plan.merge import together
from ambient_components.plan.page import as_html, as_text
from ambient_components.plan.role_changes import role_changes
from ambient_components.problem_json import encode
from tests.support.html_pages import words
from tests.support.plan_facts import AT, online, plan
from tests.support.plans import entry, ledger_step, step

LEDGER = "urn:pulumi:prod::p::ambient:index:AccessLedger::access"
NEW = {"adopt": True, "owners": ["user:alice"]}


def role(subject, name, reason="grant", workspace="pay"):
    return RoleAssignment(workspace, subject, name, reason)


ALICE = role("user:alice", "admin", "owner")


def adopting(*adoptions, **entries):
    """The online plan of new workspaces, with what the plugin notes of them."""
    messages = [encode(note) for adoption in adoptions for note in notes(adoption)]
    noted = [{"urn": LEDGER, "severity": "info", "message": message} for message in messages]
    declared = {name: entry(**fields) for name, fields in entries.items()}
    return online({"steps": [ledger_step(None, declared)], "diagnostics": noted}, {})


def changes(planned):
    return {change.subject: (change.what, change.uncertain) for change in role_changes(planned)}


def test_who_has_the_declared_role_already_gains_nothing():
    planned = adopting(
        *(Adoption(name, taken=(role("user:alice", "admin", "owner", name),)) for name in "ab"), a=NEW, b=NEW
    )
    assert planned.access.gained == planned.access.lost == ()
    assert (
        headline(planned) == "2 workspaces adopted · 0 admin gained · 0 lowered · 0 removed · 2 already have the role"
    )
    assert {workspace.what for workspace in planned.workspaces} == {facts.ADOPTED}
    page = as_text(planned)
    assert "Admin gained" not in page
    assert "Workspaces made" not in page
    assert "  ~  a  already has it: admin of user:alice\n" in page


def test_after_a_lost_state_what_is_there_is_not_gained():
    planned = adopting(Adoption("pay", taken=(ALICE,)), pay={"owners": ["user:alice"]})
    assert headline(planned).startswith("1 workspace adopted · 0 admin gained · ")
    assert "Workspaces made" not in as_text(planned)


def test_before_and_after_of_each_subject():
    there = Adoption(
        "pay",
        taken=(ALICE, role("user:eve", "admin", "owner")),
        staying=(
            role("group:devs", "view"),
            role("user:bob", "edit", "RoleBinding debug"),
            role("user:mallory", "edit"),
        ),
    )
    grants = {"group:devs": "edit", "user:bob": "view", "user:new": "view"}
    planned = adopting(there, pay={**NEW, "grants": grants})
    assert changes(planned) == {
        "user:alice": ("already has it", False),
        "user:bob": ("already has it", False),
        "user:new": ("gained", False),
        "group:devs": ("raised", False),
        # By an object under the name of a declared one.
        "user:eve": ("removed", False),
    }
    meaning = {access.subject: access.what for access in planned.adopted[0].access}
    assert meaning == {
        "user:alice": "already has it",
        "user:bob": "already has it",
        "group:devs": "changes",
        "user:eve": "changes",
        "user:mallory": "undeclared",
    }
    for page in (as_text(planned), as_markdown(planned).text, words(as_html(planned))):
        assert "1 workspace adopted · 0 admin gained" in page
        for who in ("already has it: admin of ", "has another role now: view of ", "has access in no file: edit of "):
            assert who in page
    assert "  ~  pay  group:devs  view -> edit\n" in as_text(planned)
    assert "  -  pay  user:eve    admin (owner) -> none" in as_text(planned)


def test_the_document_has_it():
    shown = document(adopting(Adoption("pay", taken=(ALICE,)), pay=NEW))
    (adopted,) = shown["adopted"]
    has = {"subject": "user:alice", "role": "admin", "reason": "owner", "what": "already has it"}
    assert adopted == {"workspace": "pay", "access": [has]}
    assert shown["totals"]["access"] == {"already has it": 1}
    assert shown["totals"]["adminGained"] == 0
    (change,) = shown["accessChanges"]
    assert (change["before"], change["after"], change["adopted"], change["uncertain"]) == (
        "admin",
        "admin",
        True,
        False,
    )


def test_a_workspace_that_does_not_exist_is_made():
    planned = adopting(Adoption("pay", exists=False), pay=NEW)
    assert planned.workspaces == (WorkspaceChange("pay", facts.MADE),)
    assert headline(planned).startswith("1 admin gained")
    assert planned.adopted == ()


def test_an_adopted_workspace_without_access():
    planned = adopting(Adoption("pay"), pay=NEW)
    assert planned.adopted == (Adopted("pay"),)
    assert changes(planned) == {"user:alice": ("gained", False)}
    assert "  ~  pay  has no access now" in as_text(planned)


def test_without_a_note_nothing_is_known():
    for planned in (adopting(pay=NEW), plan({}, {"pay": entry(**NEW)})):
        assert changes(planned) == {"user:alice": ("gained", True)}
        assert "1 may have access already (1 admin)" in headline(planned)
        assert "user:alice  ? -> admin (owner)  may have access already" in as_text(planned)
        assert "pay  may exist already, and others may have access already" in as_text(planned)


def test_many_subjects_are_cut_on_the_page_and_all_in_the_document():
    there = tuple(role(f"user:{number:03}", "edit") for number in range(250))
    planned = adopting(Adoption("pay", staying=there), pay=NEW)
    assert "user:009 and 240 more" in as_text(planned)
    assert len(document(planned)["adopted"][0]["access"]) == 250


def test_several_stacks():
    single = adopting(Adoption("pay", taken=(ALICE,)), pay=NEW)
    whole = together("all", AT, [single])
    there = (AccessThere("user:alice", "admin", "owner", "already has it"),)
    assert whole.adopted == (Adopted("prod/pay", there),)
    assert changes(whole) == {"user:alice": ("already has it", False)}


PLATFORM = {"role": "edit", "generation": 1, "serviceAccount": "ambient-key-nightly-build-3f2a91bc"}


def account(name="pay/key/ci/g1"):
    return step("create", "ambient:index:ServiceAccount", name, newState={"inputs": {"ofPlatform": True}})


def test_an_adopted_key_has_its_role_already():
    before, after = {"pay": entry()}, {"pay": entry(keys={"ci": PLATFORM})}
    planned = online({"steps": [ledger_step(before, after), account()]}, before)
    assert changes(planned) == {"key:ci": ("already has it", False)}
    assert planned.access.gained == ()
    assert headline(planned) == "0 admin gained · 0 lowered · 0 removed · 1 already has the role · 1 key adopted"
    assert "Keys adopted (1)\n  +  pay  key:ci  edit: the platform made it" in as_text(planned)
    # The files alone do not tell.
    assert changes(plan(before, after)) == {"key:ci": ("gained", True)}


def test_an_adopted_key_in_an_adopted_workspace():
    there = Adoption("pay", taken=(ALICE, role("key:ci", "edit", "key")))
    declared = {"pay": entry(**NEW, keys={"ci": PLATFORM})}
    noted = [{"urn": LEDGER, "severity": "info", "message": encode(note)} for note in notes(there)]
    planned = online({"steps": [ledger_step(None, declared), account()], "diagnostics": noted}, {})
    assert set(changes(planned).values()) == {("already has it", False)}
    assert headline(planned).endswith("0 removed · 2 already have the role · 1 key adopted")
    assert "already has it: edit of key:ci, admin of user:alice" in as_text(planned)
