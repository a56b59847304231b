"""What a state says of access and keys, and how it reads."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ambient_components.cli.show.summary_text import as_text, usage
from ambient_components.cli.tables import plain_value
from ambient_components.platform.naming import key_account
from ambient_components.stacks.cluster import Endpoint
from ambient_components.stacks.deployed import Deployed, DeployedKey
from ambient_components.stacks.reading import bindings, read_deployed

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECRET = "v1:nobody:shows-this"


def resource(kind: str, name: str, inputs: Any = None, outputs: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "urn": f"urn:pulumi:dev::ambient-components::parent$x:{kind}::{name}",
        "type": f"x:{kind}",
        "inputs": inputs or {},
        "outputs": outputs or {},
        **more,
    }


def binding(name: str, role: str, **more: Any) -> dict[str, Any]:
    return resource("RoleBinding", name, {"roleRef": {"name": f"ambient-project-{role}"}}, **more)


def token_secret(name: str, **more: Any) -> dict[str, Any]:
    return {"handle": name, "uid": "u", "generation": 1, "issuedAt": "2026-11-25T01:00:00Z", **more}


def token(name: str, expires: str | None, **more: Any) -> dict[str, Any]:
    outputs = {
        "token": {"ciphertext": SECRET},
        "current": token_secret("h2", expiresAt=expires, dead=None),
        "nextAction": {"what": "rotate", "at": "2026-12-17T13:00:00Z"},
        "retiring": [],
        "pendingRevocations": [],
        **more,
    }
    return resource("AccessToken", name, outputs=outputs)


def account(name: str, label: str, object_name: str = "", description: str = "", **more: Any) -> dict[str, Any]:
    notes = {"ambient-code.io/key-name": label, "ambient-code.io/description": description}
    named = {"name": object_name} if object_name else {}
    return resource("ServiceAccount", name, {"metadata": {**named, "annotations": notes}}, **more)


LEDGER = {
    "payments": {
        "state": "active",
        "owners": ["user:alice@example.com"],
        "grants": {"group:devs": "edit", "user:bob@example.com": "view"},
        "keys": {"ci": {"role": "edit", "lifetimeSeconds": 2592000, "generation": 1}},
    },
    "research": {"state": "closed", "owners": [], "grants": {}, "keys": {}},
}


def state() -> dict[str, Any]:
    ledger = resource("AccessLedger", "access", {"workspaces": copy.deepcopy(LEDGER)})
    return {
        "version": 3,
        "deployment": {
            "resources": [
                {**ledger, "type": "ambient:index:AccessLedger"},
                binding("payments/owner/user:alice@example.com", "admin"),
                binding("payments/grant/group:devs", "edit"),
                binding("payments/grant/user:bob@example.com", "view"),
                account("payments/key/ci/g1", "GitHub Actions"),
                binding("payments/key/ci/g1", "edit"),
                token("payments/key/ci/g1", "2026-12-25T01:17:54Z"),
                resource("Namespace", "payments/namespace"),
            ]
        },
    }


def read(export: dict[str, Any]) -> Deployed:
    return read_deployed(export, "dev", NOW)


def resources(export: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = export["deployment"]["resources"]
    return found


def without(export: dict[str, Any], name: str) -> dict[str, Any]:
    resources(export)[:] = [item for item in resources(export) if not item["urn"].endswith(f"::{name}")]
    return export


class TestReading:
    def test_the_guard_of_a_workspace_is_shown_beside_its_name(self) -> None:
        export = state()
        workspaces = resources(export)[0]["inputs"]["workspaces"]
        workspaces["payments"]["guard"] = {"mode": "deny", "sharing": "view", "off": []}
        payments, research = read(export).workspaces
        assert (payments.guard, research.guard) == ({"mode": "deny", "sharing": "view", "off": []}, None)
        assert as_text(read(export)).splitlines()[0] == "payments  guard deny, sharing view"

    def test_a_settled_stack(self) -> None:
        payments, research = read(state()).workspaces
        assert (payments.name, payments.state, research.state) == ("payments", "active", "closed")
        assert [(item.subject, item.actual) for item in payments.access] == [
            ("user:alice@example.com", ("owner",)),
            ("group:devs", ("edit",)),
            ("user:bob@example.com", ("view",)),
        ]
        assert all(item.is_as_declared for item in payments.access)
        (key,) = payments.keys
        assert key == DeployedKey(
            id="ci",
            generation=1,
            label="GitHub Actions",
            role="edit",
            declared=True,
            made=True,
            expires_at=datetime(2026, 12, 25, 1, 17, 54, tzinfo=UTC),
            next_action="rotate",
            next_at=datetime(2026, 12, 17, 13, tzinfo=UTC),
            issued_at=datetime(2026, 11, 25, 1, tzinfo=UTC),
        )

    @pytest.mark.parametrize("export", [{}, {"deployment": {}}, {"deployment": {"resources": None}}])
    def test_nothing_deployed(self, export: dict[str, Any]) -> None:
        assert read(export).workspaces == ()
        assert "has no workspaces yet" in as_text(read(export))
        assert usage(read(export), None) == ""

    def test_declared_and_not_given_yet(self) -> None:
        access = read(without(state(), "payments/grant/group:devs")).workspaces[0].access[1]
        assert (access.subject, access.declared, access.actual) == ("group:devs", "edit", ())
        assert not access.is_as_declared

    def test_a_change_that_stopped_halfway_shows_both_roles(self) -> None:
        export = state()
        resources(export).append(binding("payments/grant/group:devs", "admin", delete=True))
        access = read(export).workspaces[0].access[1]
        assert (access.declared, access.actual, access.is_as_declared) == ("edit", ("admin", "edit"), False)

    def test_access_that_outlived_its_declaration(self) -> None:
        export = state()
        resources(export).append(binding("gone/grant/user:eve::x@example.com", "admin"))
        gone = read(export).workspaces[0]
        assert (gone.name, gone.state) == ("gone", None)
        assert [(item.subject, item.declared, item.actual) for item in gone.access] == [
            ("user:eve::x@example.com", None, ("admin",))
        ]

    def test_a_new_generation_that_could_not_be_made(self) -> None:
        export = state()
        resources(export)[0]["inputs"]["workspaces"]["payments"]["keys"]["ci"]["generation"] = 2
        old, new = read(export).workspaces[0].keys
        assert (old.generation, old.declared, old.made) == (1, False, True)
        assert (new.generation, new.declared, new.made, new.role) == (2, True, False, "edit")

    def test_an_owner_may_have_a_grant_beside_it(self) -> None:
        export = state()
        resources(export)[0]["inputs"]["workspaces"]["payments"]["grants"]["user:alice@example.com"] = "view"
        resources(export).append(binding("payments/grant/user:alice@example.com", "view"))
        access = read(export).workspaces[0].access
        assert [item.actual for item in access if item.subject == "user:alice@example.com"] == [("owner",), ("view",)]
        assert all(item.is_as_declared for item in access)

    def test_a_killed_run(self) -> None:
        export = state()
        urn = "urn:pulumi:dev::ambient-components::a$b::payments/key/ci/g1"
        export["deployment"]["pending_operations"] = [{"type": "creating", "resource": {"urn": urn}}]
        assert read(export).interrupted == ("payments/key/ci/g1",)
        assert "pulumi refresh" in as_text(read(export)).splitlines()[0]

    def test_never(self) -> None:
        export = without(state(), "payments/key/ci/g1")
        resources(export).append(token("payments/key/ci/g1", "2163-01-01T00:00:00Z", nextAction=None))
        (key,) = read(export).workspaces[0].keys
        assert (key.never, key.expires_at, key.next_action) == (True, None, None)


def the_key(entry: dict[str, Any] | None = None, **outputs: Any) -> DeployedKey:
    """The newest generation of payments/ci, with this in the ledger's entry and in the outputs of its token."""
    export = without(state(), "payments/key/ci/g1")
    resources(export)[0]["inputs"]["workspaces"]["payments"]["keys"]["ci"] |= entry or {}
    resources(export).append(token("payments/key/ci/g1", "2026-12-25T01:17:54Z", **outputs))
    return read(export).workspaces[0].keys[-1]


def two_generations(**entry: Any) -> dict[str, Any]:
    """Generation 2 of payments/ci, beside the first one."""
    export = without(state(), "payments/key/ci/g1")
    declared = resources(export)[0]["inputs"]["workspaces"]["payments"]["keys"]["ci"]
    declared |= {"generation": 2, "overlapUntil": "2026-12-31", **entry}
    target = {"namespace": "ops", "name": "ci-key", "key": "token"}
    for generation, more in ((1, {"former": True, "nextAction": None}), (2, {})):
        name = f"payments/key/ci/g{generation}"
        resources(export).extend(
            [
                account(name, "GitHub Actions", key_account("payments", "ci", generation)),
                binding(name, "edit"),
                token(name, "2026-12-25T01:17:54Z", generation=generation, deliver=target, **more),
            ]
        )
    return export


class TestKeys:
    """What the state says of one key's identities."""

    def test_the_account_and_what_is_written_on_it(self) -> None:
        export = without(state(), "payments/key/ci/g1")
        resources(export).append(account("payments/key/ci/g1", "CI", "ambient-key-ci-0", "Deploys on merge"))
        (key,) = read(export).workspaces[0].keys
        assert (key.account, key.label, key.description) == ("ambient-key-ci-0", "CI", "Deploys on merge")

    def test_a_former_generation_lives_on_until_a_day(self) -> None:
        old, new = read(two_generations(overlapping=1)).workspaces[0].keys
        assert (old.generation, old.former, old.until, old.declared, old.made) == (1, True, "2026-12-31", True, True)
        assert (new.generation, new.former, new.until, new.declared, new.made) == (2, False, None, True, True)
        assert (old.role, old.delivered_to, new.delivered_to) == ("edit", None, "ops/ci-key")

    def test_a_day_that_is_over_makes_nothing_former(self) -> None:
        old, new = read(two_generations()).workspaces[0].keys
        assert (old.former, old.until, old.declared) == (False, None, False)
        assert (new.former, new.until, new.declared) == (False, None, True)

    @pytest.mark.parametrize(
        ("outputs", "manual", "never", "static"),
        [
            ({}, False, False, False),
            ({"manual": True}, True, False, False),
            ({"never": True}, True, True, False),
            ({"never": True, "manual": False}, False, True, False),
            ({"static": True}, True, True, True),
            ({"static": True, "current": token_secret("h")}, True, True, True),
            ({"never": True, "current": None}, True, False, False),
        ],
    )
    def test_who_renews_it(self, outputs: dict[str, Any], manual: bool, never: bool, static: bool) -> None:
        key = the_key(**outputs)
        assert (key.manual, key.never, key.static) == (manual, never, static)
        assert (key.expires_at is None) is (never or not key.made)

    def test_where_it_lies(self) -> None:
        plain = the_key()
        assert (plain.delivered_to, plain.retained, plain.undelivered) == (None, True, None)
        target = {"namespace": "ops", "name": "ci-key", "key": "token"}
        key = the_key(deliver=target, retain="none", undelivered="Secret ops/ci-key is gone")
        assert (key.delivered_to, key.retained, key.undelivered) == ("ops/ci-key", False, "Secret ops/ci-key is gone")
        assert the_key(retain="state", undelivered=None).retained

    def test_what_a_replacement_left_is_the_generation_before(self) -> None:
        # The engine gives it the logical name of what followed it (tried).
        export, name = two_generations(), "payments/key/ci/g2"
        subject = {"name": key_account("payments", "ci", 1)}
        resources(export)[:] = [item for item in resources(export) if not item["urn"].endswith("/ci/g1")]
        resources(export)[1:1] = [
            account(name, "GitHub Actions", subject["name"], delete=True),
            resource(
                "RoleBinding", name, {"roleRef": {"name": "ambient-project-admin"}, "subjects": [subject]}, delete=True
            ),
            {**token(name, "2026-11-20T00:00:00Z", generation=1), "inputs": {"generation": 1}, "delete": True},
        ]
        old, new = read(export).workspaces[0].keys
        assert (new.generation, new.role, new.account.rsplit("-", 1)[1]) == (
            2,
            "edit",
            key_account("payments", "ci", 2)[-8:],
        )
        assert new.expires_at == datetime(2026, 12, 25, 1, 17, 54, tzinfo=UTC)
        assert (old.generation, old.declared, old.made, old.role) == (1, False, True, "admin")
        assert (old.account, old.expires_at) == (subject["name"], datetime(2026, 11, 20, tzinfo=UTC))

    def test_an_account_alone_is_still_there(self) -> None:
        export = two_generations()
        resources(export)[:] = [item for item in resources(export) if not item["urn"].endswith("/ci/g1")]
        left = key_account("payments", "ci", 1)
        resources(export).append(account("payments/key/ci/g2", "GitHub Actions", left, delete=True))
        old, _ = read(export).workspaces[0].keys
        assert (old.generation, old.account, old.declared, old.made) == (1, left, False, False)

    def test_what_a_replacement_within_a_generation_left_hides_nothing(self) -> None:
        export = state()
        name = "payments/key/ci/g1"
        left = [account(name, "x", "y", delete=True), binding(name, "view", delete=True)]
        resources(export)[1:1] = [*left, {**token(name, None), "inputs": {"generation": 1}, "delete": True}]
        assert read(export).workspaces[0].keys == read(state()).workspaces[0].keys


class TestText:
    def test_a_settled_stack(self) -> None:
        assert as_text(read(state())).splitlines() == [
            "payments",
            "  owner   user:alice@example.com",
            "  edit    group:devs",
            "  view    user:bob@example.com",
            "  key  role  expires               next",
            '  ci   edit  2026-12-25 (30 days)  rotate from 2026-12-17  "GitHub Actions"',
            "",
            "research  closed",
            "  no subject has access",
        ]

    def test_what_is_unsettled_is_loud(self) -> None:
        painted: list[str] = []

        def paint(text: str, look: str) -> str:
            painted.extend([text] if look == "loud" else [])
            return text

        as_text(read(without(state(), "payments/grant/group:devs")), paint)
        assert painted == ["  ! declared, not given yet: ambient up"]

    def test_pending_revocations_and_dead_tokens_are_loud(self) -> None:
        export = without(state(), "payments/key/ci/g1")
        dead = token_secret("h2", expiresAt="2026-12-25T01:17:54Z", dead="its token Secret is gone")
        resources(export).append(
            token(
                "payments/key/ci/g1",
                None,
                current=dead,
                pendingRevocations=[token_secret("h1")],
                retiring=[token_secret("h0")],
            )
        )
        text = as_text(read(export))
        assert "! the token no longer works: its token Secret is gone" in text
        assert "! ambient up makes a new one" in text
        assert "! not revoked yet, still valid: h1" in text
        assert "! the token before it still works for a while (1)" in text

    def test_two_generations(self) -> None:
        assert as_text(read(two_generations(overlapping=1))).splitlines()[4:7] == [
            "  key                role  expires               next",
            '  ci (generation 1)  edit  2026-12-25 (30 days)  end after 2026-12-31    "GitHub Actions"',
            '  ci (generation 2)  edit  2026-12-25 (30 days)  rotate from 2026-12-17  "GitHub Actions"',
        ]

    def test_what_no_run_mends(self) -> None:
        export = without(state(), "payments/key/ci/g1")
        resources(export).append(token("payments/key/ci/g1", None, static=True, current=token_secret("h", dead="gone")))
        assert as_text(read(export)).splitlines()[6:9] == [
            "    ! the token no longer works: gone",
            "    ! it is renewed by its next generation only: ambient keys rotate",
            "    ! every session of the workspace can read it",
        ]

    def test_a_label_moves_no_cursor(self) -> None:
        export = without(state(), "payments/key/ci/g1")
        resources(export).extend([account("payments/key/ci/g1", "a\033[2K\nb"), token("payments/key/ci/g1", None)])
        assert as_text(read(export)).splitlines()[5].endswith(r'  "a\x1b[2K\nb"')

    def test_no_secret_is_in_any_form(self) -> None:
        summary = read(state())
        endpoint = Endpoint("https://cluster.example.com", b"PEM")
        texts = [as_text(summary), json.dumps(plain_value(summary)), usage(summary, endpoint)]
        assert SECRET not in "".join(texts)

    def test_json(self) -> None:
        answer = plain_value(read(state()))
        assert (answer["stack"], answer["now"]) == ("dev", "2026-11-25T12:00:00Z")
        key = answer["workspaces"][0]["keys"][0]
        assert (key["expiresAt"], key["nextAction"]) == ("2026-12-25T01:17:54Z", "rotate")


class TestUsage:
    def test_the_platforms_call_comes_first(self) -> None:
        endpoint = Endpoint("https://cluster.example.com/", None)
        lines = usage(read(state()), endpoint, platform_url="https://acp.example.com/").splitlines()
        assert lines[2:6] == [
            "Use it:",
            "  ambient keys show dev payments/ci --quiet |",
            "    sed 's/^/Authorization: Bearer /' |",
            "    curl -sS -H @- https://acp.example.com/api/projects/payments/agentic-sessions",
        ]
        assert lines[6:8] == [
            "Or with the Kubernetes API. Sessions that are created there have no userContext,",
            "so they get no credentials of integrations, and the key's last use is not recorded:",
        ]
        assert len(lines) == 11

    def test_a_platform_on_this_machine(self) -> None:
        text = usage(read(state()), None, platform_url="http://127.0.0.1:8080")
        assert text.splitlines()[-1] == (
            "    curl -sS --noproxy '*' -H @- http://127.0.0.1:8080/api/projects/payments/agentic-sessions"
        )

    def test_without_the_platforms_address(self) -> None:
        lines = usage(read(state()), None).splitlines()
        assert lines[3:5] == [
            "  # PLATFORM is the host of the platform's API. To have it filled in:",
            "  # pulumi config set platformUrl https://HOST --stack dev",
        ]
        assert lines[-1] == "    curl -sS -H @- https://PLATFORM/api/projects/payments/agentic-sessions"

    def test_the_key_never_is_an_argument(self) -> None:
        lines = usage(read(state()), Endpoint("https://cluster.example.com/", None)).splitlines()
        assert lines[1] == "  ambient keys show dev payments/ci"
        assert lines[-1] == (
            "    curl -sS -H @- https://cluster.example.com/apis/vteam.ambient-code/v1alpha1/namespaces/payments"
            "/agenticsessions"
        )

    def test_a_ca_in_a_file(self, tmp_path: Path) -> None:
        file = tmp_path / "a b.crt"
        text = usage(read(state()), Endpoint("https://127.0.0.1:6443", b"PEM"), file)
        assert f"--cacert '{file}' --noproxy '*'" in text
        assert "--ca-certificate" not in text

    def test_a_ca_in_the_kubeconfig(self) -> None:
        text = usage(read(state()), Endpoint("https://cluster.example.com", b"PEM"))
        assert "ambient show dev --ca-certificate > cluster-ca.crt" in text
        assert "--cacert cluster-ca.crt" in text


class TestKeysOfThePlatform:
    """Identities that the platform made: an account in the state, and no token."""

    NIGHTLY = "ambient-key-nightly-build-3f2a91bc"

    def export(self, **entry: Any) -> dict[str, Any]:
        export = without(state(), "payments/key/ci/g1")
        declared = resources(export)[0]["inputs"]["workspaces"]["payments"]["keys"]["ci"]
        declared |= {"serviceAccount": self.NIGHTLY, **entry}
        declared.pop("lifetimeSeconds", None)
        return export

    def adopted(self, export: dict[str, Any]) -> dict[str, Any]:
        one = account("payments/key/ci/g1", "Nightly build", self.NIGHTLY)
        one["inputs"]["ofPlatform"] = True
        resources(export).extend([one, binding("payments/key/ci/g1", "edit")])
        return export

    def test_an_adopted_one(self) -> None:
        (key,) = read(self.adopted(self.export())).workspaces[0].keys
        assert (key.origin, key.made, key.account) == ("platform", True, self.NIGHTLY)
        assert (key.expires_at, key.never, key.next_action, key.label) == (None, False, None, "Nightly build")

    def test_one_that_no_run_has_adopted_yet(self) -> None:
        (key,) = read(self.export()).workspaces[0].keys
        assert (key.origin, key.made) == ("platform", False)

    def test_a_former_one(self) -> None:
        export = self.adopted(self.export(generation=2, overlapping=1, overlapUntil="2026-12-31"))
        resources(export).append(token("payments/key/ci/g2", "2026-12-25T01:17:54Z", generation=2))
        old, new = read(export).workspaces[0].keys
        assert (old.origin, old.made, old.former, old.until) == ("platform", True, True, "2026-12-31")
        assert (new.origin, new.made, new.former) == ("stack", True, False)

    def test_one_that_is_not_declared_any_more(self) -> None:
        export = self.adopted(self.export())
        del resources(export)[0]["inputs"]["workspaces"]["payments"]["keys"]["ci"]
        (key,) = read(export).workspaces[0].keys
        assert (key.origin, key.made, key.declared) == ("platform", True, False)


@pytest.mark.parametrize("value", ["text", float("inf"), float("nan"), -1, ["x"], {}, None])
def test_a_generation_of_another_kind_ends_no_overview(value: object) -> None:
    export = state()
    gone = token("payments/key/ci/g2", None)
    resources(export).append({**gone, "inputs": {"generation": value}, "delete": True})
    assert as_text(read(export)).startswith("payments")


def test_a_role_that_is_none_of_the_platforms_is_named_in_full() -> None:
    roles = [{"kind": "ClusterRole", "name": "cluster-admin"}, {"kind": "Role", "name": "ambient-project-admin"}]
    items = [resource("RoleBinding", f"payments/grant/user:{n}", {"roleRef": role}) for n, role in enumerate(roles)]
    export = {"deployment": {"resources": items}}
    assert [one.role for one in bindings(export)] == ["ClusterRole/cluster-admin", "Role/ambient-project-admin"]


@pytest.mark.parametrize("value", ["text", 7, ["x"], None])
@pytest.mark.parametrize(
    "part",
    [
        "metadata",
        "metadata.annotations",
        "roleRef",
        "subjects",
        "deliver",
        "current",
        "current.dead",
        "retiring",
        "nextAction",
        "nextAction.what",
    ],
)
def test_a_field_of_another_kind_ends_no_overview(part: str, value: object) -> None:
    """A state can be edited by hand, or written by a version that this one does not know."""
    export = state()
    for item in resources(export):
        for side in ("inputs", "outputs"):
            *outer, last = part.split(".")
            inner = item[side]
            for step in outer:
                inner = inner.get(step) or {}
            if last in inner:
                inner[last] = value
    assert [workspace.name for workspace in read(export).workspaces] == [
        workspace.name for workspace in read(state()).workspaces
    ]
    assert as_text(read(export)).startswith("payments")
