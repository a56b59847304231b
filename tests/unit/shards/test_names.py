"""Names of shard stacks, how many there are, and which workspace belongs to which."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.shards.names import assigned, home, shard_count, shard_stack, split_shard

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9]", fullmatch=True)
PINS = st.dictionaries(NAMES, st.none(), max_size=60)
MANY = [f"team-{number}" for number in range(2000)]


# Names


@pytest.mark.parametrize(
    ("stack", "split"),
    [
        ("prod-03", ("prod", 3)),
        ("org/prod-00", ("org/prod", 0)),
        ("org/project/prod-99", ("org/project/prod", 99)),
        ("prod-100", ("prod", 100)),
        ("prod-998", ("prod", 998)),
        ("eu-west-1-07", ("eu-west-1", 7)),
        ("a-01-02", ("a-01", 2)),
        ("prod", None),
        ("prod-3", None),
        ("prod-003", None),
        ("prod-999", None),
        ("prod-1000", None),
        ("prod03", None),
        ("-03", None),
        ("org/-03", None),
        ("prod-٠٣", None),
        ("prod-03\n", None),
        ("", None),
    ],
)
def test_a_shard_is_known_by_its_name(stack, split):
    assert split_shard(stack) == split


@given(fleet=st.from_regex(r"([a-z]{1,8}/){0,2}[A-Za-z0-9_.-]{1,30}", fullmatch=True), number=st.integers(0, 998))
def test_every_number_has_one_name(fleet, number):
    stack = shard_stack(fleet, number)
    assert split_shard(stack) == (fleet, number)
    assert len(stack) == len(fleet) + (3 if number < 100 else 4)


@pytest.mark.parametrize("number", [-1, 999])
def test_no_stack_is_named_after_a_number_that_no_shard_has(number):
    with pytest.raises(ValueError, match="is no number of a shard; allowed: 0 to 998"):
        shard_stack("prod", number)


@pytest.mark.parametrize(("value", "count"), [("8", 8), (8, 8), ("1", 1), ("999", 999)])
def test_the_config_says_how_many(value, count):
    assert shard_count(value) == count


@pytest.mark.parametrize("value", ["0", 0, "1000", "-1", "08", "8.0", 8.0, "", None, True, "٨", " 8", "8\n", [8]])
def test_what_is_no_number_of_shards_is_refused(value):
    with pytest.raises(ValueError, match=r"is no number of shards; allowed: 1 to 999"):
        shard_count(value)


def test_an_encrypted_number_is_not_repeated():
    with pytest.raises(ValueError, match=r"^an encrypted value is no number of shards"):
        shard_count({"secure": "v1:abc"})


# Homes


def test_homes_never_change():
    """They are computed, and stored nowhere: other numbers here are a move of every workspace there is."""
    names = ("payments", "research", "a-team", "zz", "team-0", "team-1")
    assert [home(name, 8) for name in names] == [3, 5, 6, 2, 6, 5]


@given(pins=PINS, more=PINS, count=st.integers(1, 12))
def test_a_new_workspace_moves_none(pins, more, count):
    before, after = assigned(pins, count), assigned({**more, **pins}, count)
    for number, names in before.items():
        assert set(names) <= set(after[number])
        assert set(after[number]) <= {*names, *more}


@given(pins=PINS, count=st.integers(1, 12))
def test_one_more_shard_takes_from_all_and_moves_nothing_else(pins, count):
    for name in pins:
        assert home(name, count + 1) in (home(name, count), count)


@given(pins=PINS, count=st.integers(2, 12))
def test_one_shard_less_moves_only_those_of_the_last(pins, count):
    for name in pins:
        if home(name, count) != count - 1:
            assert home(name, count - 1) == home(name, count)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 16])
def test_one_more_shard_gets_its_share(count):
    moved = sum(home(name, count) != home(name, count + 1) for name in MANY)
    assert moved == pytest.approx(len(MANY) / (count + 1), rel=0.25)


@pytest.mark.parametrize("count", [2, 3, 8, 16])
def test_shards_are_balanced(count):
    sizes = [len(names) for names in assigned(dict.fromkeys(MANY), count).values()]
    assert sum(sizes) == len(MANY)
    assert max(sizes) < 1.35 * len(MANY) / count
    assert min(sizes) > 0.65 * len(MANY) / count


@given(pins=st.dictionaries(NAMES, st.none() | st.integers(0, 4), max_size=40), order=st.randoms(use_true_random=False))
def test_the_order_of_the_file_means_nothing(pins, order):
    shuffled = list(pins.items())
    order.shuffle(shuffled)
    shards = assigned(dict(shuffled), 5)
    assert shards == assigned(pins, 5)
    assert list(shards) == [0, 1, 2, 3, 4]
    assert all(list(names) == sorted(names) for names in shards.values())
    assert sorted(name for names in shards.values() for name in names) == sorted(pins)


@given(name=NAMES, count=st.integers(1, 12), data=st.data())
def test_a_pin_decides(name, count, data):
    pin = data.draw(st.integers(0, count - 1))
    assert home(name, count, pin) == pin
    assert name in assigned({name: pin}, count)[pin]


@pytest.mark.parametrize("pin", [-1, 8, 9])
def test_a_pin_on_a_shard_that_does_not_exist_is_refused(pin):
    with pytest.raises(ValueError, match=f"there is no shard {pin}; allowed: 0 to 7"):
        home("payments", 8, pin)


def test_no_shards_are_refused():
    with pytest.raises(ValueError, match="0 is no number of shards"):
        home("payments", 0)
