"""Reading objects that anybody may have written: total functions, and bounded results."""

import json

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.cluster import objects
from ambient_components.platform.contract import KEY_GENERATION_ANNOTATION
from ambient_components.provider.protocol import wire
from tests.support.hostile import ASSET, DEEP, JSON, NO_SIGNATURE, TEXTS, UNKNOWN

PROMISED = {
    objects.annotations: dict,
    objects.decoded: str | None,
    objects.finalizers: tuple,
    objects.generation: int | None,
    objects.is_ending: bool,
    objects.labels: dict,
    objects.mapping: dict,
    objects.mappings: list,
    objects.metadata: dict,
    objects.name: str,
    objects.namespace: str,
    objects.role_ref: str,
    objects.subjects: list,
    objects.text: str,
    objects.texts: dict,
    objects.uid: str,
}
METADATA = st.fixed_dictionaries(
    {},
    optional={
        field: JSON | st.dictionaries(st.sampled_from([KEY_GENERATION_ANNOTATION, "app"]), JSON, max_size=2)
        for field in ("name", "namespace", "uid", "labels", "annotations", "finalizers", "deletionTimestamp")
    },
)
OBJECTS = JSON | st.fixed_dictionaries(
    {},
    optional={
        "metadata": JSON | METADATA,
        "roleRef": JSON | st.fixed_dictionaries({"kind": JSON, "name": JSON}),
        "subjects": JSON | st.lists(JSON | st.fixed_dictionaries({"kind": JSON, "name": JSON, "namespace": JSON})),
    },
)


@pytest.mark.parametrize("reader", PROMISED, ids=lambda reader: reader.__name__)
@given(OBJECTS)
def test_whatever_there_is_it_has_the_promised_type(reader, one):
    assert isinstance(reader(one), PROMISED[reader])


@given(OBJECTS)
def test_what_enters_the_state_can_be_sent_to_the_engine_and_back(one):
    shown = objects.plain({"value": one})
    sent = wire.encode(shown)
    received = struct_pb2.Struct()
    received.ParseFromString(sent.SerializeToString())
    assert wire.decode(received) == wire.decode(sent)


@pytest.mark.parametrize("value", [DEEP, ASSET, NO_SIGNATURE, UNKNOWN, 10**400, "\ud800", "x" * 10**6, [1] * 10**5])
def test_what_the_engine_could_not_read_is_replaced_and_still_differs(value):
    shown = objects.plain({"a": {"b": value}, "c": 1})
    assert shown != {"a": {"b": value}, "c": 1}
    assert shown["c"] == 1
    assert len(json.dumps(shown)) < 1000


ODD = st.text(max_size=8) | st.sampled_from(TEXTS) | st.sampled_from(["a\tb", r"a\tb", "::x", r"\x3a:x", "x (escaped)"])


@given(ODD | st.dictionaries(ODD, ODD, max_size=3), ODD | st.dictionaries(ODD, ODD, max_size=3))
def test_what_is_seen_equals_the_declaration_only_where_the_cluster_has_it(found, declared):
    assert (objects.observed(found, declared) == declared) is (found == declared)
    assert objects.observed(declared, declared) == declared


@given(ODD)
def test_what_others_wrote_is_printable(found):
    assert objects.observed(found, "") == "" or objects.observed(found, "").isprintable()
    assert objects.observed({"a": found, "b": "b\n"}, {"b": "b\n"}) == {"a": objects.observed(found, None), "b": "b\n"}


def test_ordinary_values_stay_as_they_are():
    value = {"custom": {"search": {"url": "https://a", "headers": {"Authorization": "x"}}}, "disabled": ["b"], "n": 1.5}
    assert objects.plain(value) == value


@pytest.mark.parametrize("noted", [*TEXTS, "1_0", " 1", "1 ", "+1", "1e3", "²"])
def test_no_number_is_no_generation(noted):
    assert objects.generation({"metadata": {"annotations": {KEY_GENERATION_ANNOTATION: noted}}}) is None


def test_a_generation_is_read():
    assert objects.generation({"metadata": {"annotations": {KEY_GENERATION_ANNOTATION: "12"}}}) == 12


def test_a_users_namespace_is_no_part_of_the_subject():
    """Kubernetes ignores it: `y:x` would be another user than the one who gets the access."""
    subjects = [{"kind": "User", "name": "x", "namespace": "y"}, {"kind": "ServiceAccount", "name": "a"}]
    assert objects.subjects({"metadata": {"namespace": "pay"}, "subjects": subjects}) == [
        "user:x",
        "serviceaccount:pay:a",
    ]


def test_messages_are_bounded():
    listing = objects.listing([f"{number:05}" + "x" * 10_000 for number in range(10_000)])
    assert len(listing) < 4000
    assert listing.endswith(" and 9990 more")
    assert objects.short("x" * 300) == "x" * 300


def _nested(levels):
    value: object = ']}{[\\"' + "x"
    for level in range(levels):
        value = [1, value, "}"] if level % 2 else {'a"}': value, "b": []}
    return value


@pytest.mark.parametrize("levels", [0, 1, 62, 63])
def test_a_text_that_is_not_too_deep_stays_as_it_is(levels):
    text = json.dumps({"items": 1} if levels == 0 else _nested(levels))
    assert objects.shallow(text) == text


@pytest.mark.parametrize("levels", [65, 200, 9_000])
def test_only_what_is_too_deep_goes(levels):
    inner = '{"a":' * levels + '"}]"' + "}" * levels
    text = f'{{"items":[{{"deep":{inner},"name":"x"}},{{"name":"y"}}]}}'
    first, second = json.loads(objects.shallow(text))["items"]
    assert first["name"] == "x"
    assert second == {"name": "y"}
