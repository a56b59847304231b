"""What a program in another language gives, as the components get it."""

import asyncio

import pulumi
import pytest
from google.protobuf import json_format, struct_pb2

from ambient_components.engine import secrets
from ambient_components.languages.construct import read_inputs


def inputs(**values):
    struct = struct_pb2.Struct()
    json_format.ParseDict(values, struct)
    return read_inputs(struct)


def special(signature, **fields):
    return {secrets.SIGNATURE_KEY: signature, **fields}


def test_whole_numbers_are_no_floats_and_what_is_null_is_not_given():
    given = inputs(
        workspaces={"a": {"keys": {"ci": {"generation": 2.0}}, "limits": {"quota": {"cpu": 0.5}}}}, gone=None
    )
    assert given == {"workspaces": {"a": {"keys": {"ci": {"generation": 2}}, "limits": {"quota": {"cpu": 0.5}}}}}
    assert isinstance(given["workspaces"]["a"]["keys"]["ci"]["generation"], int)


def test_a_known_output_is_its_value():
    assert inputs(name=special(secrets.OUTPUT, value="a", dependencies=["urn"])) == {"name": "a"}


@pytest.mark.parametrize("value", [special(secrets.SECRET, value="s"), special(secrets.OUTPUT, value="s", secret=True)])
def test_a_secret_stays_one(value):
    async def read():
        output = inputs(runner={"KEY": value})["runner"]["KEY"]
        assert isinstance(output, pulumi.Output)
        return await output.future(), await output.is_secret()

    assert asyncio.run(read()) == ("s", True)


@pytest.mark.parametrize("value", [secrets.UNKNOWN, special(secrets.OUTPUT), special(secrets.OUTPUT, secret=True)])
def test_what_is_unknown_is_an_unknown_output(value):
    async def read():
        return await inputs(name=value)["name"].is_known()

    assert asyncio.run(read()) is False
