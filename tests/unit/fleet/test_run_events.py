"""What is kept of an engine's events."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ambient_components.access.adoption import EXISTING_OBJECT, Adoption, notes
from ambient_components.engine.urns import ACCESS_TOKEN, S3_CREDENTIALS
from ambient_components.errors import Problem, Where, refusal
from ambient_components.fleet.run_events import Failure, Reported
from ambient_components.fleet.summary import unshown
from ambient_components.problem_json import encode
from ambient_components.rules.refusals import Rule
from ambient_components.rules.warnings import NONE, WarningRule
from tests.support.fake_pulumi import diagnostic, ended, urn

BINDING = "ambient:index:RoleBinding"
SETTINGS = "ambient:index:ProjectSettings"
WORKSPACE = "ambient:index:Workspace"

FOREIGN = refusal("namespace 'lab' exists", "choose another name", rule=Rule.OWNERSHIP, workspaces=("lab",))
BROKEN = Problem(Where("stacks/prod.yaml", 3, 1), "", "broken")


def reported(*events: Any) -> Reported:
    run = Reported()
    for event in events:
        run.take(event if isinstance(event, str) else json.dumps(event))
    return run


def token_secret(name: str) -> dict[str, str]:
    return {"handle": name}


def test_objects_are_counted_and_components_are_not() -> None:
    run = reported(
        ended("create", BINDING, "pay/grant/user:bob"),
        ended("create", WORKSPACE, "pay", custom=False),
        ended("create", "pulumi:providers:kubernetes", "cluster"),
        ended("create", "ambient:index:AccessLedger", "access"),
        ended("create-replacement", BINDING, "pay/grant/user:eve"),
        ended("delete-replaced", BINDING, "pay/grant/user:eve", old={}, new=None),
        ended("update", "kubernetes:core/v1:Secret", "pay/secret/runner"),
        ended("same", BINDING, "lab/grant/user:bob"),
    )
    assert (run.created, run.updated, run.deleted, run.done) == (2, 1, 1, 8)


def test_a_deleted_binding_hides_the_warning_of_its_role() -> None:
    others = refusal("stays", rule=WarningRule.UNDECLARED_ACCESS, workspaces=("pay",))
    cases = [("delete-replaced", "edit", False), ("delete", "view", False), ("delete", "edit", True)]
    for (op, role, retained), shown in zip(cases, (0, 1, 1), strict=True):
        given = {"roleRef": {"name": f"ambient-project-{role}"}, "subjects": [{"kind": "User", "name": "bob"}]}
        old = {"inputs": given, "retainOnDelete": retained}
        run = reported(ended(op, BINDING, "pay/grant/user:bob", old=old, new=None))
        run.warnings[replace(others, data=(("edit of user:bob",),))] = None
        assert len(unshown(run, NONE)) == shown


def test_a_step_that_an_interrupt_cut_short_is_no_failure() -> None:
    namespace = urn("kubernetes:core/v1:Namespace", "pay/namespace")
    failed = {
        "resOpFailedEvent": {"metadata": {"op": "create", "type": "kubernetes:core/v1:Namespace", "urn": namespace}}
    }
    run = reported(diagnostic("error", "not created: Patch https://x: context canceled", namespace), failed)
    assert (run.failures, run.canceled) == ({}, True)
    run = reported(diagnostic("error", "context canceled by the admin: forbidden", namespace), failed)
    assert [failure.text for failure in run.failures] == ["context canceled by the admin: forbidden"]


def test_what_a_refresh_finds_and_the_run_mends_is_not_due_any_more() -> None:
    dead = {"outputs": {"current": None, "nextAction": {"what": "rotate", "at": "2026-01-01T00:00:00Z"}}}
    mended = {
        "outputs": {"current": token_secret("a-2"), "nextAction": {"what": "rotate", "at": "2027-02-01T00:00:00Z"}}
    }
    lost = {"outputs": {"current": token_secret("b-1"), "undelivered": "it was deleted"}}
    run = reported(
        ended("refresh", ACCESS_TOKEN, "p/key/gone/g1", old=mended, new=dead),
        ended("refresh", ACCESS_TOKEN, "p/key/ci/g1", old=mended, new=dead),
        ended("refresh", ACCESS_TOKEN, "p/key/out/g1", old=mended, new=lost),
        ended("update", ACCESS_TOKEN, "p/key/ci/g1", old=dead, new=mended),
        ended("update", ACCESS_TOKEN, "p/key/out/g1", old=lost, new={"outputs": {"current": token_secret("b-1")}}),
        ended("delete", ACCESS_TOKEN, "p/key/gone/g1", old=dead, new=None),
    )
    assert run.next_at == datetime(2027, 2, 1, tzinfo=UTC)
    assert not run.unsettled
    assert (run.issued, run.revoked) == (1, 0)


def test_tokens_are_counted_by_their_handles() -> None:
    old = {"outputs": {"current": token_secret("a-1"), "retiring": [token_secret("a-0")]}}
    new = {"outputs": {"current": token_secret("a-2"), "retiring": [token_secret("a-1")]}}
    assert (reported(ended("update", ACCESS_TOKEN, "p/key/ci/g1", old=old, new=new)).issued) == 1
    run = reported(
        ended("update", ACCESS_TOKEN, "p/key/ci/g1", old=old, new=new),
        ended("delete", S3_CREDENTIALS, "p/storage/credentials", old=old, new=None),
        ended("create", ACCESS_TOKEN, "q/key/ci/g1", new=new),
    )
    # The created one adopts its older token, which was not issued now.
    assert (run.issued, run.revoked) == (2, 3)


def test_the_tokens_of_a_replacement_are_counted_once() -> None:
    old = {"outputs": {"current": token_secret("a-1")}}
    new = {"outputs": {"current": token_secret("a-2")}}
    # The engine reports the parts, and then the replacement as a whole.
    run = reported(
        ended("create-replacement", ACCESS_TOKEN, "p/key/ci/g2", old=old, new=new),
        ended("replace", ACCESS_TOKEN, "p/key/ci/g2", old=old, new=new),
        ended("delete-replaced", ACCESS_TOKEN, "p/key/ci/g2", old=old, new=None),
    )
    assert (run.issued, run.revoked) == (1, 1)
    assert (run.created, run.deleted) == (1, 1)


def test_what_leaves_the_state_alone_is_forgotten_and_no_token_of_it_is_revoked() -> None:
    tokens = {"outputs": {"current": token_secret("a-1")}}
    run = reported(
        ended("delete", BINDING, "pay/grant/user:bob", old={"retainOnDelete": True}, new=None),
        ended("delete", ACCESS_TOKEN, "pay/key/ci/g1", old={"retainOnDelete": True, **tokens}, new=None),
        ended("delete", BINDING, "lab/grant/user:bob", old={}, new=None),
    )
    assert (run.deleted, run.forgotten, run.revoked, run.changes) == (1, 2, 0, 3)


def test_the_next_moment_is_the_first_one_also_of_what_did_not_change() -> None:
    def due(name: str, at: str) -> Any:
        return ended("same", ACCESS_TOKEN, name, new={"outputs": {"nextAction": {"what": "rotate", "at": at}}})

    run = reported(due("a/key/k/g1", "2027-03-01T00:00:00Z"), due("b/key/k/g1", "2027-02-01T00:00:00Z"))
    assert run.next_at == datetime(2027, 2, 1, tzinfo=UTC)
    assert not run.unsettled
    assert reported(
        ended("same", ACCESS_TOKEN, "a/key/k/g1", new={"outputs": {"pendingRevocations": [token_secret("x")]}})
    ).unsettled


def test_a_failure_belongs_to_its_workspace() -> None:
    failed = {"metadata": {"op": "create", "type": BINDING, "urn": urn(BINDING, "pay/grant/user:bob")}}
    run = reported(
        diagnostic("error", "forbidden: no\n", urn(BINDING, "pay/grant/user:bob")),
        {"resOpFailedEvent": failed},
        diagnostic("error", "update failed", ""),
        diagnostic(
            "error",
            f"ambient:index:AccessLedger resource 'access' has a problem: {encode(FOREIGN)}\n",
            urn("ambient:index:AccessLedger", "access"),
        ),
        diagnostic("error", encode(BROKEN), urn("pulumi:pulumi:Stack", "p-prod")),
        diagnostic("error", "Resource monitor has terminated, shutting down"),
    )
    assert list(run.failures) == [
        Failure("pay", "pay/grant/user:bob", refusal("forbidden: no")),
        Failure("lab", "access", FOREIGN),
        Failure("", "", BROKEN),
    ]


def test_a_step_that_fails_without_a_word_is_told_all_the_same() -> None:
    failed = {"metadata": {"op": "delete", "type": BINDING, "urn": urn(BINDING, "pay/grant/user:bob")}}
    assert list(reported({"resOpFailedEvent": failed}).failures) == [
        Failure("pay", "pay/grant/user:bob", refusal("delete failed"))
    ]
    later = reported(
        {"resOpFailedEvent": failed}, diagnostic("error", "it is protected", urn(BINDING, "pay/grant/user:bob"))
    )
    assert [failure.text for failure in later.failures] == ["it is protected"]


def test_an_interrupt_is_no_failure() -> None:
    run = reported(diagnostic("error", "update canceled"))
    assert run.canceled
    assert not run.failures


def test_lines_that_are_no_events_are_kept_and_break_nothing() -> None:
    assert reported("error: no stack named 'x'", "", "[1]", "{}").other == ["no stack named 'x'", "[1]"]


def test_an_event_of_another_form_is_passed_over() -> None:
    broken = [
        {
            "resOutputsEvent": {
                "metadata": {"type": ACCESS_TOKEN, "op": "same", "new": {"outputs": {"nextAction": "x"}}}
            }
        },
        {"resOutputsEvent": 3},
        {"summaryEvent": {"resourceChanges": [1]}},
    ]
    assert len(reported(*broken, diagnostic("error", "no", urn(BINDING, "pay/grant/user:b"))).failures) == 1


def test_no_value_of_a_resource_is_kept() -> None:
    secret = "sk-ant-not-a-real-key"
    run = reported(ended("create", "kubernetes:core/v1:Secret", "p/secret/runner", new={"inputs": {"data": secret}}))
    assert secret not in repr(run)


def test_adopted_objects_are_not_counted_as_created() -> None:
    objects = (("RoleBinding", "ambient-admin-alice"),)
    note = [
        message
        for adoption in (Adoption("pay", objects=objects), Adoption("new", exists=False))
        for message in notes(adoption)
    ]
    there = encode(refusal("ProjectSettings pay/projectsettings exists", rule=EXISTING_OBJECT))
    run = reported(
        diagnostic("info", encode(note[0]), urn("ambient:index:AccessLedger", "access")),
        diagnostic("info", encode(note[1]), urn("ambient:index:AccessLedger", "access")),
        ended("create", "kubernetes:core/v1:Namespace", "pay/namespace", new=named("pay")),
        ended("create", "kubernetes:core/v1:NamespacePatch", "pay/listed", new=named("pay")),
        ended("create", BINDING, "pay/owner/user:alice", new=named("ambient-admin-alice", "pay")),
        ended("create", BINDING, "pay/owner/user:eve", new=named("ambient-admin-eve", "pay")),
        ended("create", "kubernetes:core/v1:Namespace", "new/namespace", new=named("new")),
        *(diagnostic("info", there, urn(SETTINGS, f"{name}/settings")) for name in ("pay", "new")),
        ended("create", SETTINGS, "pay/settings"),
        ended("create", SETTINGS, "new/settings"),
        ended("create", "ambient:index:FeatureFlags", "pay/feature-flags"),
    )
    assert (run.adopted, run.created, run.changes) == (4, 4, 8)


def test_the_objects_of_an_adopted_key_are_not_counted_as_created() -> None:
    account = named("ambient-key-ci-3f2a91bc", "pay")
    account["inputs"]["ofPlatform"] = True
    run = reported(
        ended("create", "ambient:index:ServiceAccount", "pay/key/ci/g1", new=account),
        ended("create", BINDING, "pay/key/ci/g1", new=named("ambient-key-edit-ci-3f2a91bc", "pay")),
    )
    assert (run.adopted, run.created) == (2, 0)


def named(name: str, namespace: str = "") -> dict[str, Any]:
    return {"inputs": {"metadata": {"name": name, **({"namespace": namespace} if namespace else {})}}}
