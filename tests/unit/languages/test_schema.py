"""The schema from which the SDKs of other languages are made."""

import json
import re

import pulumi
import pytest
import yaml

from ambient_components._version import VERSION
from ambient_components.engine import urns
from ambient_components.languages.components import _SECRET, COMPONENTS
from ambient_components.languages.schema import COMPONENT_SCHEMAS, schema, schema_json
from ambient_components.model.clusters import SETTINGS
from ambient_components.model.derive import arguments
from ambient_components.model.workspaces import Program
from ambient_components.resources import ProviderArgs
from ambient_components.rules.findings import Reader, spelling_of
from tests.support.fake_engine import FakeEngine
from tests.support.fake_plugin import FakePlugin
from tests.support.resource_arguments import FILE, source

# From the engine's own metaschema (pulumi/pkg/codegen/schema/pulumi.json).
TYPE_TOKEN = re.compile(r"[a-zA-Z][-a-zA-Z0-9_]*:([^0-9][a-zA-Z0-9._/-]*)?:[^0-9][a-zA-Z0-9._/]*")
PROPERTY = re.compile(r"[a-z][A-Za-z0-9]*")
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
        yield kind.get("properties", {})


def test_the_schema_is_json_with_the_version_of_the_plugin():
    read = json.loads(schema_json())
    assert read == schema()
    assert (read["name"], read["version"]) == ("ambient", VERSION)


def test_the_engine_gets_this_schema():
    with FakeEngine() as engine, FakePlugin(engine.address) as plugin:
        assert json.loads(plugin.schema()) == schema()


def test_it_has_the_components_and_nothing_of_their_inside():
    assert set(schema()["resources"]) == set(COMPONENTS)
    assert all(resource["isComponent"] for resource in schema()["resources"].values())


def test_tokens_and_names_are_as_the_engine_allows():
    assert all(TYPE_TOKEN.fullmatch(token) for token in (*schema()["resources"], *schema()["types"]))
    assert all(PROPERTY.fullmatch(name) for properties in property_maps() for name in properties)
    assert not any(RESERVED & resource["properties"].keys() for resource in schema()["resources"].values())


def test_every_reference_leads_somewhere_and_every_type_is_used():
    references = {
        node["$ref"].removeprefix("#/types/") for node in nodes(schema()) if isinstance(node.get("$ref"), str)
    }
    assert references == set(schema()["types"])


def test_everything_has_a_text():
    untold = [name for properties in property_maps() for name, kind in properties.items() if not kind["description"]]
    assert untold == []


def test_settings_are_secret_and_nothing_else_is():
    """Outputs are none here: the SDK of Java would not compile."""
    hidden = {name for properties in property_maps() for name, spec in properties.items() if spec.get("secret")}
    assert hidden == {"kubeconfig", "secretKey", "storeSecretKey"}
    assert schema()["types"]["ambient:index:Cluster"]["properties"]["kubeconfig"]["secret"]


@pytest.mark.parametrize("component", COMPONENT_SCHEMAS, ids=lambda component: component.token)
def test_an_example_has_arguments_that_its_component_takes(component):
    text = schema()["resources"][component.token]["description"]
    shown = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])["resources"]["example"]
    assert shown["type"].replace(":", ":index:") == component.token
    missing = {"owner": "acme/prod"} if component.token == urns.WORKSPACE else {}
    with spelling_of(Reader.OTHER):
        _, found = arguments(component.model, shown["properties"] | missing, deferred=pulumi.Output)
    assert found == []


def test_what_may_be_an_output_is_the_only_input_that_is_not_plain():
    types = schema()["types"]
    key = types["ambient:index:WorkspaceKey"]["properties"]
    assert {name for name, kind in key.items() if not kind.get("plain")} == {"name", "description"}
    runner = types["ambient:index:WorkspaceSecrets"]["properties"]["runner"]
    assert runner["plain"]
    assert runner["additionalProperties"] == {"type": "string"}


def test_a_program_has_the_sections_of_a_stack_file_that_are_not_for_files():
    inputs = schema()["resources"]["ambient:index:Workspaces"]["inputProperties"]
    fields = {info.alias or name for name, info in Program.model_fields.items()}
    assert inputs.keys() - fields == {"cluster"}
    assert fields - inputs.keys() == {"include", "stacks", "defaults", "templates"}


def test_the_arguments_are_those_that_the_models_check():
    assert FILE.read_text(encoding="utf-8") == source(), "run python -m tests.support.resource_arguments"


def test_the_client_side_of_the_provider_declares_its_settings_and_requires_none():
    assert ProviderArgs.__required_keys__ | ProviderArgs.__optional_keys__ == set(SETTINGS)
    assert not ProviderArgs.__required_keys__


def test_what_no_error_prints_is_marked_in_the_models():
    assert {"secrets", "accessKey", "secretKey", "kubeconfig"} == _SECRET
