"""Rows of `ambient keys list`: what each says, what needs attention, and the forms that people and programs read."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ambient_components.cli.keys.table import NEVER_USED, Limits, Row, Seen, rows, seen_in
from ambient_components.cli.keys.table_text import as_csv, as_json, as_table
from ambient_components.stacks.summary import Key, Overview, WorkspaceView, read_overview

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
DAILY = Limits(DAY)
SECRET = "eyJhbGciOiJSUzI1NiJ9.hunter2.hunter2"


def key(**more: Any) -> Key:
    """A key of 90 days that is well, with 60 left."""
    given: dict[str, Any] = {
        "id": "ci",
        "generation": 1,
        "label": "GitHub Actions",
        "role": "edit",
        "declared": True,
        "made": True,
        "expires_at": NOW + 60 * DAY,
        "issued_at": NOW - 30 * DAY,
        "next_action": "rotate",
        "next_at": NOW + 46 * DAY,
        "account": "ambient-key-ci-0",
        "description": "Deploys on merge",
    }
    return Key(**given | more)


def overview(*keys: Key, stack: str = "dev", workspace: str = "payments") -> Overview:
    return Overview(stack, NOW, (WorkspaceView(workspace, "active", (), keys),))


SEEN = {("payments", "ambient-key-ci-0"): Seen(NOW - 30 * DAY, NOW - 2 * DAY)}


def row(one: Key, seen: Any = SEEN, limits: Limits = DAILY) -> Row:
    (found,) = rows(overview(one), seen, limits)
    return found


def attention(one: Key, seen: Any = SEEN, **limits: Any) -> tuple[str, ...]:
    return row(one, seen, Limits(**{"within": DAY, **limits})).attention


class TestSeen:
    def account(self, annotations: Any = None, name: str = "a", **metadata: Any) -> dict[str, Any]:
        made = {"namespace": "w", "name": name, "creationTimestamp": "2026-11-01T00:00:00Z", **metadata}
        return {"metadata": made | ({} if annotations is None else {"annotations": annotations})}

    def test_what_the_backend_notes(self) -> None:
        used = self.account({"ambient-code.io/last-used-at": "2026-11-25T09:08:07Z"}, "used")
        found = seen_in([used, self.account({}, "unused"), self.account(None, "bare")])
        made = datetime(2026, 11, 1, tzinfo=UTC)
        assert found == {
            ("w", "used"): Seen(made, datetime(2026, 11, 25, 9, 8, 7, tzinfo=UTC)),
            ("w", "unused"): Seen(made, None),
            ("w", "bare"): Seen(made, None),
        }

    @pytest.mark.parametrize(
        "text",
        ["", "yesterday", "2026-11-25", "2026-11-25T09:08:07", "1795602160", "0001-01-01T00:00:00+14:00", "\n", SECRET],
    )
    def test_an_annotation_that_somebody_broke_is_no_use(self, text: str) -> None:
        (seen,) = seen_in([self.account({"ambient-code.io/last-used-at": text})]).values()
        assert seen.last_used is None

    def test_other_zones_and_fractions(self) -> None:
        noted = {"ambient-code.io/last-used-at": "2026-11-25T10:08:07.25+01:00"}
        (seen,) = seen_in([self.account(noted)]).values()
        assert seen.last_used == datetime(2026, 11, 25, 9, 8, 7, 250_000, tzinfo=UTC)


class TestRows:
    def test_a_key_that_is_well(self) -> None:
        assert row(key()) == Row(
            stack="dev",
            workspace="payments",
            id="ci",
            generation=1,
            name="GitHub Actions",
            description="Deploys on merge",
            role="edit",
            created=NOW - 30 * DAY,
            last_used=NOW - 2 * DAY,
            expires=NOW + 60 * DAY,
            state="current",
            next="rotate",
            next_at=NOW + 46 * DAY,
            attention=(),
        )

    @pytest.mark.parametrize(
        ("one", "state"),
        [
            (key(), "current"),
            (key(expires_at=NOW + SECOND), "current"),
            (key(expires_at=NOW), "expired"),
            (key(expires_at=None), "current"),
            (key(expires_at=None, never=True), "current"),
            (key(dead="it was revoked"), "dead"),
            (key(dead="it expired", expires_at=NOW - DAY), "dead"),
            (key(former=True, until="2026-12-31"), "former"),
            (key(former=True, expires_at=NOW), "expired"),
            (key(former=True, dead="x"), "dead"),
            (key(declared=False), "revoked"),
            (key(declared=False, expires_at=NOW), "expired"),
            (key(made=False, expires_at=None), "missing"),
            (key(made=False, expires_at=None, declared=False), "revoked"),
        ],
    )
    def test_states(self, one: Key, state: str) -> None:
        assert str(row(one).state) == state

    @pytest.mark.parametrize(
        ("seen", "created", "last_used"),
        [
            (None, None, None),
            ({}, None, None),
            ({("other", "ambient-key-ci-0"): Seen(NOW, NOW)}, None, None),
            ({("payments", "ambient-key-ci-0"): Seen(NOW - DAY, None)}, NOW - DAY, NEVER_USED),
            ({("payments", "ambient-key-ci-0"): Seen(NOW - DAY, NOW)}, NOW - DAY, NOW),
        ],
    )
    def test_what_the_cluster_says(self, seen: Any, created: Any, last_used: Any) -> None:
        found = row(key(), seen)
        assert (found.created, found.last_used) == (created, last_used)

    @pytest.mark.parametrize(
        ("one", "expires", "following", "at"),
        [
            (key(), NOW + 60 * DAY, "rotate", NOW + 46 * DAY),
            (key(next_action="revoke", next_at=NOW), NOW + 60 * DAY, "revoke", NOW),
            (key(never=True, expires_at=None, manual=True, next_action=None, next_at=None), "never", None, None),
            (key(static=True, never=True, expires_at=None, next_action=None, next_at=None), "never", None, None),
            (
                key(manual=True, next_action="expire", next_at=NOW + 60 * DAY),
                NOW + 60 * DAY,
                "expire",
                NOW + 60 * DAY,
            ),
            (
                key(former=True, until="2026-12-31", next_action="expire", next_at=NOW + 60 * DAY),
                NOW + 60 * DAY,
                "end after 2026-12-31",
                None,
            ),
            (key(made=False, expires_at=None, next_action=None, next_at=None), None, None, None),
        ],
    )
    def test_what_comes(self, one: Key, expires: Any, following: Any, at: Any) -> None:
        found = row(one)
        assert (found.expires, found.next, found.next_at) == (expires, following, at)

    def test_both_generations_have_a_row(self) -> None:
        old = key(former=True, until="2026-12-31", account="ambient-key-ci-0")
        new = key(generation=2, account="ambient-key-ci-1")
        seen = {**SEEN, ("payments", "ambient-key-ci-1"): Seen(NOW - DAY, None)}
        found = rows(overview(old, new), seen, DAILY)
        assert [(one.generation, one.state, one.last_used) for one in found] == [
            (1, "former", NOW - 2 * DAY),
            (2, "current", NEVER_USED),
        ]

    def test_several_workspaces(self) -> None:
        views = tuple(WorkspaceView(name, "active", (), (key(id=name),)) for name in ("a", "b"))
        found = rows(Overview("dev", NOW, views), None, DAILY)
        assert [(one.workspace, one.id) for one in found] == [("a", "a"), ("b", "b")]

    def test_no_key(self) -> None:
        assert rows(Overview("dev", NOW, ()), {}, DAILY) == rows(overview(), None, DAILY) == []


GONE = "its ServiceAccount is not in the cluster: pulumi up --refresh"
BEFORE_THE_RUN = "expires in 24 hours, before the next run"


class TestAttention:
    @pytest.mark.parametrize(
        "one",
        [
            key(),
            key(expires_at=NOW + DAY + SECOND),
            key(expires_at=None, never=True, manual=True),
            key(next_at=NOW - 2 * DAY),  # two runs may fail
            key(retiring=("h1",)),
            key(former=True, until="2026-12-31"),
            key(former=True, expires_at=NOW),  # its successor has taken its place
            key(former=True, expires_at=NOW + SECOND),
            key(former=True, undelivered="x"),
            key(manual=True, expires_at=NOW + 14 * DAY + SECOND, issued_at=NOW - 76 * DAY),
        ],
    )
    def test_all_is_well(self, one: Key) -> None:
        assert attention(one) == ()

    @pytest.mark.parametrize(
        ("one", "said"),
        [
            (key(declared=False), ["not declared any more, and still there: pulumi up"]),
            (key(declared=False, made=False), ["not declared any more, and still there: pulumi up"]),
            (key(made=False, expires_at=None), ["declared, and not made: pulumi up"]),
            (key(account="other"), [GONE]),
            (key(account="other", dead="its ServiceAccount was deleted"), [
                GONE,
                "the token no longer works: its ServiceAccount was deleted",
            ]),
            (key(dead="it was revoked", expires_at=NOW - DAY), ["the token no longer works: it was revoked"]),
            (key(former=True, dead="it was revoked"), ["the token no longer works: it was revoked"]),
            (key(expires_at=NOW), ["expired on 2026-11-25 12:00 UTC"]),
            (key(expires_at=NOW - DAY, manual=True), ["expired on 2026-11-24 12:00 UTC"]),
            (key(expires_at=NOW + DAY), [BEFORE_THE_RUN]),
            (key(expires_at=NOW + SECOND), ["expires in 0 min, before the next run"]),
            (key(expires_at=NOW + DAY, manual=True), [BEFORE_THE_RUN]),
            (
                key(manual=True, expires_at=NOW + 14 * DAY, issued_at=NOW - 76 * DAY),
                ["expires in 14 days, and is not renewed: ambient keys rotate"],
            ),
            (
                # A quarter of a life of 8 days.
                key(manual=True, expires_at=NOW + 2 * DAY, issued_at=NOW - 6 * DAY),
                ["expires in 2 days, and is not renewed: ambient keys rotate"],
            ),
            (
                # Of a life that nobody noted: 14 days.
                key(manual=True, expires_at=NOW + 14 * DAY, issued_at=None),
                ["expires in 14 days, and is not renewed: ambient keys rotate"],
            ),
            (
                key(next_at=NOW - 2 * DAY - SECOND),
                ["due for renewal since 2026-11-23 11:59 UTC: do the runs come?"],
            ),
            (key(pending=("h1", "h2")), ["not revoked yet, still valid: h1, h2"]),
            (key(former=True, pending=("h1",)), ["not revoked yet, still valid: h1"]),
            (key(undelivered="Secret ops/x is gone"), ["not delivered: Secret ops/x is gone"]),
            (
                key(declared=False, dead="gone", pending=("h1",), undelivered="no namespace", account=""),
                [
                    "not declared any more, and still there: pulumi up",
                    GONE,
                    "the token no longer works: gone",
                    "not revoked yet, still valid: h1",
                    "not delivered: no namespace",
                ],
            ),
        ],
    )  # fmt: skip
    def test_each_rule(self, one: Key, said: list[str]) -> None:
        assert list(attention(one)) == said

    def test_a_manual_key_of_a_short_life_has_its_own_notice(self) -> None:
        one = key(manual=True, expires_at=NOW + 2 * DAY + SECOND, issued_at=NOW - 6 * DAY)
        assert attention(one) == ()

    def test_a_key_whose_runs_do_not_come_is_told_of_once(self) -> None:
        one = key(next_at=NOW - 50 * DAY, expires_at=NOW + DAY)
        assert attention(one) == (BEFORE_THE_RUN,)

    @pytest.mark.parametrize("following", ["revoke", "expire", None])
    def test_only_a_renewal_that_is_late_counts(self, following: str | None) -> None:
        assert attention(key(next_action=following, next_at=NOW - 50 * DAY)) == ()

    @pytest.mark.parametrize(("within", "said"), [(DAY, 0), (60 * DAY - SECOND, 0), (60 * DAY, 1), (365 * DAY, 1)])
    def test_time_to_the_next_run(self, within: timedelta, said: int) -> None:
        assert len(attention(key(), within=within)) == said

    def test_a_cluster_that_was_not_asked_says_nothing(self) -> None:
        assert attention(key(account="other"), None, idle=DAY) == ()

    def test_a_key_that_is_not_made_has_no_account_to_miss(self) -> None:
        assert attention(key(made=False, expires_at=None), {}) == ("declared, and not made: pulumi up",)

    @pytest.mark.parametrize(
        ("seen", "idle", "said"),
        [
            (Seen(NOW - 90 * DAY, None), None, ()),
            (Seen(NOW - 90 * DAY, None), 90 * DAY, ("never used since it was made 90 days ago",)),
            (Seen(NOW - 90 * DAY + SECOND, None), 90 * DAY, ()),
            (Seen(NOW - 900 * DAY, NOW - 90 * DAY), 90 * DAY, ("not used for 90 days",)),
            (Seen(NOW - 900 * DAY, NOW - 90 * DAY + SECOND), 90 * DAY, ()),
            (Seen(NOW - 900 * DAY, NOW + DAY), 90 * DAY, ()),  # clocks differ
            (Seen(NOW + DAY, None), SECOND, ()),
        ],
    )
    def test_use(self, seen: Seen, idle: timedelta | None, said: tuple[str, ...]) -> None:
        assert attention(key(), {("payments", "ambient-key-ci-0"): seen}, idle=idle) == said

    def test_nobody_has_to_use_a_former_one(self) -> None:
        unused = {("payments", "ambient-key-ci-0"): Seen(NOW - 90 * DAY, None)}
        assert attention(key(former=True), unused, idle=DAY) == ()


def listed(*keys: Key, stack: str = "dev", seen: Any = SEEN) -> list[Row]:
    return rows(overview(*keys, stack=stack), seen, DAILY)


MANY = [
    key(),
    key(id="nightly", label="nightly", role="view", account="a", expires_at=NOW + 2 * DAY, next_at=NOW),
    key(id="old", label="old", generation=3, former=True, until="2026-12-31", account="b"),
    key(id="x", label="x", made=False, expires_at=None, role=None, next_action=None, next_at=None, account=""),
    key(id="y", label="y", never=True, manual=True, expires_at=None, next_action=None, next_at=None, account="c"),
    key(id="z", label="z", manual=True, expires_at=NOW - DAY, next_action="expire", next_at=NOW - DAY, account="d"),
]
MANY_SEEN = {
    **SEEN,
    ("payments", "a"): Seen(NOW - timedelta(minutes=90), None),
    ("payments", "b"): Seen(NOW - timedelta(hours=50), NOW + DAY),
    ("payments", "c"): Seen(NOW - 400 * DAY, NOW - timedelta(minutes=5)),
    ("payments", "d"): Seen(NOW - 91 * DAY, NOW - 30 * DAY),
}


class TestTable:
    def test_every_kind_of_line(self) -> None:
        assert as_table(listed(*MANY, seen=MANY_SEEN), NOW).splitlines() == [
            "workspace/key                role  created       last used    expires               state    next",
            "payments/ci                  edit  30 days ago   2 days ago   2027-01-24 (60 days)  current  "
            'rotate from 2027-01-10  "GitHub Actions"',
            "payments/nightly             view  90 min ago    Never        2026-11-27 (2 days)   current  "
            "rotate due now",
            "payments/old (generation 3)  edit  2 days ago    0 min ago    2027-01-24 (60 days)  former   "
            "end after 2026-12-31",
            "payments/x                   ?     ?             ?            -                     missing  -",
            "  ! declared, and not made: pulumi up",
            "payments/y                   edit  400 days ago  5 min ago    never                 current  -",
            "payments/z                   edit  91 days ago   30 days ago  2026-11-24 (over)     expired  -",
            "  ! expired on 2026-11-24 12:00 UTC",
            "",
            "2 of 6 keys need attention",
        ]

    def test_several_stacks(self) -> None:
        found = [*listed(key(), stack="dev"), *listed(key(account="gone"), stack="prod")]
        assert as_table(found, NOW).splitlines() == [
            "dev",
            "workspace/key  role  created      last used   expires               state    next",
            "payments/ci    edit  30 days ago  2 days ago  2027-01-24 (60 days)  current  rotate from 2027-01-10  "
            '"GitHub Actions"',
            "",
            "prod",
            "workspace/key  role  created  last used  expires               state    next",
            "payments/ci    edit  ?        ?          2027-01-24 (60 days)  current  rotate from 2027-01-10  "
            '"GitHub Actions"',
            f"  ! {GONE}",
            "",
            "1 of 2 keys need attention",
        ]

    def test_no_keys(self) -> None:
        assert as_table([], NOW) == "There are no keys."

    def test_what_is_loud(self) -> None:
        painted: list[tuple[str, str]] = []

        def paint(text: str, look: str) -> str:
            painted.append((text.partition("  ")[0], look))
            return text

        as_table([*listed(key(made=False)), *listed(key(), stack="prod")], NOW, paint)
        assert [look for _, look in painted].count("loud") == 2
        assert ("1 of 2 keys need attention", "loud") in painted
        assert {("dev", "bold"), ("prod", "bold"), ("workspace/key", "dim")} <= set(painted)

    def test_texts_of_others_move_no_cursor(self) -> None:
        one = key(label="a\033[2K\nprod/root  admin", undelivered="no\r\nsuch \033]0;x\aspace")
        lines = as_table(listed(one), NOW).splitlines()
        assert lines[1].endswith(r'  "a\x1b[2K\nprod/root  admin"')
        assert lines[2] == r"  ! not delivered: no\r\nsuch \x1b]0;x\x07space"
        assert len(lines) == 5


class TestJson:
    def test_exact(self) -> None:
        assert json.loads(as_json(listed(key(account="gone", label="é")), NOW)) == {
            "now": "2026-11-25T12:00:00Z",
            "keys": [
                {
                    "stack": "dev",
                    "workspace": "payments",
                    "id": "ci",
                    "generation": 1,
                    "name": "é",
                    "description": "Deploys on merge",
                    "role": "edit",
                    "created": None,
                    "lastUsed": None,
                    "expires": "2027-01-24T12:00:00Z",
                    "state": "current",
                    "next": "rotate",
                    "nextAt": "2027-01-10T12:00:00Z",
                    "attention": [GONE],
                }
            ],
        }
        assert '"é"' in as_json(listed(key(label="é")), NOW)

    def test_times_and_words(self) -> None:
        found = json.loads(as_json(listed(*MANY, seen=MANY_SEEN), NOW))["keys"]
        assert [(one["lastUsed"], one["expires"], one["state"], one["next"]) for one in found] == [
            ("2026-11-23T12:00:00Z", "2027-01-24T12:00:00Z", "current", "rotate"),
            ("Never", "2026-11-27T12:00:00Z", "current", "rotate"),
            ("2026-11-26T12:00:00Z", "2027-01-24T12:00:00Z", "former", "end after 2026-12-31"),
            (None, None, "missing", None),
            ("2026-11-25T11:55:00Z", "never", "current", None),
            ("2026-10-26T12:00:00Z", "2026-11-24T12:00:00Z", "expired", "expire"),
        ]

    def test_no_keys(self) -> None:
        assert json.loads(as_json([], NOW)) == {"now": "2026-11-25T12:00:00Z", "keys": []}


HEAD = "stack,workspace,id,generation,name,description,role,created,lastUsed,expires,state,next,nextAt,attention\n"


class TestCsv:
    def test_exact(self) -> None:
        found = [*listed(key(label='a "b", c', pending=("h1",), undelivered="x")), *listed(MANY[3], stack="prod")]
        assert as_csv(found) == (
            HEAD + 'dev,payments,ci,1,"a ""b"", c",Deploys on merge,edit,2026-10-26T12:00:00Z,2026-11-23T12:00:00Z,'
            '2027-01-24T12:00:00Z,current,rotate,2027-01-10T12:00:00Z,"not revoked yet, still valid: h1; '
            'not delivered: x"\n'
            'prod,payments,x,1,x,Deploys on merge,,,,,missing,,,"declared, and not made: pulumi up"\n'
        )

    def test_no_keys(self) -> None:
        assert as_csv([]) == HEAD

    @pytest.mark.parametrize("first", "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
    def test_nothing_is_a_formula(self, first: str) -> None:
        text = f'{first}HYPERLINK("https://x.org?"&A1)'
        found = as_csv(listed(key(label=text, description=text, id=text, role=text, dead=text)))
        _, values = csv.reader(io.StringIO(found, newline=""))
        shown = f"'{text}" if first.isprintable() else text.encode("unicode_escape").decode()
        assert values.count(shown) == 4
        assert not [value for value in values if value.startswith(first)]

    @pytest.mark.parametrize("text", ["a=b", "'=1", " =1", "é", "1-2"])
    def test_other_texts_stay(self, text: str) -> None:
        _, values = csv.reader(io.StringIO(as_csv(listed(key(description=text)))))
        assert text in values


def test_no_secret_is_in_any_form() -> None:
    wire = {"handle": "h", "uid": "u", "generation": 1, "issuedAt": "2026-11-25T01:00:00Z", "dead": None}
    outputs = {
        "token": SECRET,
        "formerly": {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": SECRET},
        "current": {**wire, "expiresAt": "2026-12-25T01:17:54Z"},
        "undelivered": None,
    }
    urn = "urn:pulumi:dev::p::ambient:index:AccessToken::payments/key/ci/g1"
    token = {"urn": urn, "type": "ambient:index:AccessToken", "inputs": {}, "outputs": outputs}
    account = {
        "metadata": {
            "namespace": "payments",
            "name": "",
            "creationTimestamp": "2026-11-01T00:00:00Z",
            "annotations": {"ambient-code.io/last-used-at": SECRET, "token": SECRET},
        }
    }
    found = rows(read_overview({"deployment": {"resources": [token]}}, "dev", NOW), seen_in([account]), DAILY)
    assert len(found) == 1
    shown = as_table(found, NOW) + as_json(found, NOW) + as_csv(found)
    assert "hunter2" not in shown
    assert "hunter2" not in repr(found)
