"""The recorder refuses and shows what the engine would: else the other tests here prove nothing."""

import asyncio

import pulumi
import pytest

from ambient_components import Grant
from tests.support.recorder import Recorder
from tests.support.registrations import UNKNOWN, Secret


class Thing(pulumi.CustomResource):
    def __init__(self, name, props, opts=None):
        super().__init__("test:index:Thing", name, props, opts)


def test_two_resources_of_one_urn_are_refused():
    def program():
        Thing("one", {})
        Thing("one", {})

    with pytest.raises(AssertionError, match="Duplicate resource URN"):
        Recorder().run(program)


def test_options_are_inherited_as_the_engine_does():
    def program():
        options = pulumi.ResourceOptions(protect=True, retain_on_delete=True)
        parent = Grant("parent", namespace="payments", user="bob", opts=options)
        Thing("child", {}, pulumi.ResourceOptions(parent=parent))
        Thing("free", {}, pulumi.ResourceOptions(parent=parent, protect=False))

    recording = Recorder().run(program)
    child, free = recording.named("Thing", "child"), recording.named("Thing", "free")
    assert (child.protect, child.retain_on_delete, free.protect) == (True, True, False)
    assert child.urn.split("::")[2] == "ambient:index:Grant$test:index:Thing"


def test_secrets_stay_marked_and_are_never_printed():
    recording = Recorder(secrets={"password": "hush"}).run(
        lambda: Thing("one", {"word": pulumi.Config().require_secret("password"), "plain": [1]}) and None
    )
    thing = recording.named("Thing", "one")
    assert thing.inputs == {"word": Secret("hush"), "plain": [1]}
    assert "hush" not in recording.plain_text()
    assert "hush" not in repr(thing)


def test_a_preview_knows_no_outputs():
    def program():
        one = Thing("one", {})
        Thing("two", {"of": one.id})

    assert Recorder(preview=True).run(program).named("Thing", "two").inputs == {"of": UNKNOWN}
    assert Recorder().run(program).named("Thing", "two").inputs == {"of": "id-of-one"}


def test_a_run_leaves_nothing_behind():
    Recorder({"key": "value"}, stack="other", preview=True).run(lambda: pulumi.export("one", 1))
    assert pulumi.runtime.get_root_resource() is None
    assert not pulumi.runtime.is_dry_run()
    assert pulumi.Config("ambient-components").get("key") is None
    assert Recorder().run(lambda: None).exports == {}


def test_what_fails_late_fails_the_run():
    async def program():
        await asyncio.sleep(0)
        Thing("one", {"of": pulumi.Output.from_input(1).apply(lambda _: 1 / 0)})

    with pytest.raises(ZeroDivisionError):
        Recorder().run(program)
