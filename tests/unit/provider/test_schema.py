import json
import re
from datetime import UTC, datetime

import pytest

from ambient_components._version import VERSION
from ambient_components.provider.buckets import access_keys
from ambient_components.provider.protocol.configuration import SETTINGS
from ambient_components.provider.schema import schema, schema_json
from ambient_components.provider.servicer import RESOURCES
from ambient_components.provider.tokens import properties as token_properties
from ambient_components.resources import ProviderArgs
from ambient_components.rotation import TokenSecret, TokenState
from tests.support.fake_engine import FakeEngine
from tests.support.fake_plugin import FakePlugin
from tests.support.resource_arguments import FILE, source

TOKEN = schema()["resources"]["ambient:index:AccessToken"]
INPUTS = set(TOKEN["inputProperties"])
LIFE = {"lifetimeSeconds": 86_400}
OUTPUTS = set(TOKEN["properties"]) - INPUTS
MOMENT = datetime(2026, 6, 1, tzinfo=UTC)

# From the engine's own metaschema (pulumi/pkg/codegen/schema/pulumi.json).
TYPE_TOKEN = re.compile(r"[a-zA-Z][-a-zA-Z0-9_]*:([^0-9][a-zA-Z0-9._/-]*)?:[^0-9][a-zA-Z0-9._/]*")
PACKAGE_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9_]*")
RESERVED = {"id", "urn"}


def nodes(node):
    """Each mapping of the schema."""
    if isinstance(node, dict):
        yield node
        for item in node.values():
            yield from nodes(item)


def property_maps():
    whole = schema()
    yield whole["config"]["variables"]
    yield whole["provider"]["inputProperties"]
    for resource in whole["resources"].values():
        yield resource["inputProperties"]
        yield resource["properties"]
    for kind in whole["types"].values():
        yield kind["properties"]


def test_the_schema_is_json_with_the_name_and_the_version_of_the_plugin():
    read = json.loads(schema_json())
    assert read == schema()
    assert (read["name"], read["version"]) == ("ambient", VERSION)
    assert PACKAGE_NAME.fullmatch(read["name"])


def test_the_engine_gets_this_schema():
    with FakeEngine() as engine, FakePlugin(engine.address) as plugin:
        assert json.loads(plugin.schema()) == schema()


def test_its_resources_are_those_that_the_plugin_serves():
    assert set(schema()["resources"]) == set(RESOURCES)


def test_tokens_and_names_are_as_the_engine_allows():
    assert all(TYPE_TOKEN.fullmatch(token) for token in (*schema()["resources"], *schema()["types"]))
    for properties in property_maps():
        assert not RESERVED & set(properties)
        assert all(re.fullmatch(r"[a-z][A-Za-z0-9]*", name) for name in properties)


def test_every_reference_leads_somewhere():
    for node in nodes(schema()):
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/types/"):
            assert reference.removeprefix("#/types/") in schema()["types"]


def test_tokens_keys_values_and_the_kubeconfig_are_secret_and_nothing_else_is():
    hidden = {name for properties in property_maps() for name, spec in properties.items() if spec.get("secret")}
    assert hidden == {"token", "values", "kubeconfig", "secretKey", "storeSecretKey"}


@pytest.mark.parametrize(
    "state",
    [
        TokenState(),
        TokenState(
            TokenSecret("a", "a", 1, MOMENT, MOMENT),
            (TokenSecret("b", "b", 1, MOMENT),),
            (TokenSecret("c", "c", 1, MOMENT),),
        ),
    ],
)
def test_every_output_that_is_recorded_is_in_the_schema_and_the_other_way_round(state):
    record = token_properties.record(state, LIFE, {"token": "t"})
    assert set(record) == OUTPUTS
    assert set(token_properties.kept({})) == OUTPUTS
    assert set(token_properties.unknown("why", LIFE)) == OUTPUTS


def test_every_output_of_credentials_is_in_the_schema_and_the_other_way_round():
    served = schema()["resources"]["ambient:index:S3Credentials"]
    outputs = set(served["properties"]) - set(served["inputProperties"])
    key = TokenSecret("a", "a", 1, MOMENT, MOMENT).killed("x", lapsed=True)
    record = access_keys.record(TokenState(key, (key,), (key,)), LIFE, {"secretKey": "s"}, ["b"], {"user": "x"})
    assert set(record) == set(access_keys.kept({})) == set(access_keys.unknown("why")) == outputs
    assert set(record["current"]) == set(schema()["types"]["ambient:index:StoreKey"]["properties"])


def test_handles_and_next_actions_have_exactly_the_properties_of_the_schema():
    token_secret = TokenSecret("a", "a", 1, MOMENT, MOMENT)
    record = token_properties.record(TokenState(token_secret), LIFE, {})
    types = schema()["types"]
    dead = token_secret.killed("x", lapsed=True).to_wire()
    assert set(record["current"]) | {"lapsed"} == set(dead) == set(types["ambient:index:TokenHandle"]["properties"])
    assert set(record["nextAction"]) == set(types["ambient:index:NextAction"]["properties"])


def test_the_arguments_are_those_that_the_models_check():
    assert FILE.read_text(encoding="utf-8") == source(), "run python -m tests.support.resource_arguments"


def test_the_client_side_of_the_provider_declares_its_settings_and_requires_none():
    assert ProviderArgs.__required_keys__ | ProviderArgs.__optional_keys__ == set(SETTINGS)
    assert not ProviderArgs.__required_keys__
