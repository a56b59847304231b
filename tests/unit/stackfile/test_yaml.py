import pytest
import yaml

from ambient_components.errors import AmbientError
from ambient_components.rules.guardrail_names import Guardrail
from ambient_components.stackfile.yaml import reader
from ambient_components.stackfile.yaml.dumping import block_of
from ambient_components.stackfile.yaml.reader import parse_yaml, read_text


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def _each_parser(request, monkeypatch):
    """libyaml, and the pure Python parser that stands in for it where it is not built."""
    monkeypatch.setattr(reader, "_Loader", getattr(yaml, request.param))


def problems_of(text):
    try:
        return [str(problem) for problem in parse_yaml(text, "x.yaml").problems]
    except AmbientError as error:
        return str(error).split("\n")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        # YAML 1.1 reads all of these as something that nobody wrote.
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("True", "True"),
        ("017", "017"),
        ("0x1f", "0x1f"),
        ("1:20", "1:20"),
        ("1_000", "1_000"),
        ("+1", "+1"),
        (".inf", ".inf"),
        ("2026-11-24", "2026-11-24"),
        ("9" * 5000, "9" * 5000),
        ("'true'", "true"),
        ('"17"', "17"),
        ("'~'", "~"),
        ("=", "="),
    ],
)
def test_plain_scalars_are_what_they_look_like(text, value):
    got = parse_yaml(f"a: {text}\n", "x.yaml").data["a"]
    assert (got, type(got)) == (value, type(value))


def test_keys_are_text_as_written():
    data = parse_yaml("{true: 1, 017: 2, ~: 3, on: 4, '': 5}", "x.yaml").data
    assert data == {"true": 1, "017": 2, "~": 3, "on": 4, "": 5}


TEXT = """\
workspaces:
  payments:
    grants:
      - {user: bob, role: view}
      - group: devs
        role: edit
  é:
    x: 1
"""


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("workspaces",), (1, 1), (2, 3)),
        (("workspaces", "payments", "grants"), (3, 5), (4, 7)),
        (("workspaces", "payments", "grants", 0), (4, 9), (4, 9)),
        (("workspaces", "payments", "grants", 0, "role"), (4, 21), (4, 27)),
        (("workspaces", "payments", "grants", 1, "role"), (6, 9), (6, 15)),
        (("workspaces", "é", "x"), (8, 5), (8, 8)),
        # What is not in the file is shown at its nearest parent.
        (("workspaces", "payments", "grants", 1, "user"), (5, 9), (5, 9)),
        (("workspaces", "payments", "grants", 7), (4, 7), (4, 7)),
        (("nothing", 0, "here"), (1, 1), (1, 1)),
        ((), (1, 1), (1, 1)),
    ],
)
def test_every_key_and_value_has_a_place(path, key, value):
    sources = parse_yaml(TEXT, "x.yaml").sources
    places = [(where.line, where.column) for where in (sources.key(path), sources.value(path))]
    assert (places, sources.value(path).file) == ([key, value], "x.yaml")


def test_an_alias_stands_where_it_is_used_and_what_is_in_it_where_it_is_written():
    parsed = parse_yaml("a: &x\n  b: &z [1]\nc: *x\nd: &y 5\ne: [*y, *z]\n", "x.yaml")
    places = [str(parsed.sources.value(path)) for path in (("c",), ("c", "b", 0), ("e", 0), ("e", 1), ("e", 1, 0))]
    assert (parsed.data, places) == (
        {"a": {"b": [1]}, "c": {"b": [1]}, "d": 5, "e": [5, [1]]},
        ["x.yaml:3:4", "x.yaml:2:10", "x.yaml:5:5", "x.yaml:5:9", "x.yaml:2:10"],
    )


def test_the_first_of_two_equal_keys_counts_and_the_rest_is_still_read():
    parsed = parse_yaml("a: 1\na: {b: [2]}\nc: 3\n", "x.yaml")
    assert parsed.data == {"a": 1, "c": 3}


def test_nesting_that_would_exhaust_a_parser_ends_too():
    (problem,) = problems_of("a: " + "[" * 100_000)
    assert "nest" in problem


def test_only_utf_8_is_read_with_or_without_a_mark(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\n")
    assert read_text(path) == "a: é\n"
    path.write_bytes(b"a: \xc3\xa9\nb: \xe9\n")
    with pytest.raises(AmbientError) as caught:
        read_text(path)
    assert str(caught.value) == f"{path}:2:4: not UTF-8; save the file as UTF-8"


def test_a_word_of_a_model_is_written_as_its_text():
    assert (
        block_of({"exceptions": [{"guardrail": Guardrail.ADMIN_KEY}]}, 100)
        == "exceptions:\n  - {guardrail: adminKey}\n"
    )
