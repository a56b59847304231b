"""What a report may quote: names that people gave, and nothing that could be a secret in their place."""

from typing import get_args

import pytest

from ambient_components.errors import Problem
from ambient_components.model.base import Model, quotable_fields
from ambient_components.model.schedules import Schedule
from ambient_components.model.settings import Settings
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.model.storage import Bucket
from ambient_components.rules.secret_patterns import CREDENTIAL_PREFIXES, says_secret, without_credentials
from ambient_components.stackfile.privacy import may_quote_key, public_path, without_credentials_in

PAY = ("workspaces", "pay")
CUSTOM = (*PAY, "settings", "mcpServers", "custom")


@pytest.mark.parametrize(
    "name",
    ["GITHUB_TOKEN", "KUBECONFIG", "S3_BUCKET", "DEBUG", "PAYMENTS_DB_PASSWORD", "OAUTH2_CLIENT_ID"],
)
@pytest.mark.parametrize("section", ["runner", "integrations"])
def test_names_of_variables_are_shown(name: str, section: str) -> None:
    path = (*PAY, "secrets", section, name)
    assert may_quote_key(path)
    assert public_path(path).endswith(f".{name}")


@pytest.mark.parametrize(
    "key",
    [
        "hunter2",
        "HUNTER2HUNTER2",
        "AKIAIOSFODNN7EXAMPLE",
        "JBSWY3DPEHPK3PXP",
        "ABCD3_EF4GH_IJ5KL",
        "github_token",
        "A B",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ_A",
        "AKIA_HUNTER",
    ],
)
def test_what_could_be_a_secret_on_the_wrong_side_of_a_colon_is_not(key: str) -> None:
    path = (*PAY, "secrets", "integrations", key, "config")
    assert public_path(path) == "workspaces.pay.secrets.integrations.….config"


def test_a_variable_has_its_name_only_where_variables_are() -> None:
    assert public_path((*PAY, "secrets", "DB_PASSWORD")) == "workspaces.pay.secrets.…"
    assert public_path((*PAY, "rubbish", "DB_PASSWORD")) == "workspaces.pay.rubbish.…"
    assert public_path((*CUSTOM, "a", "env", "DB_PASSWORD")).endswith("custom.a.env.DB_PASSWORD")
    assert public_path((*CUSTOM, "a", "headers", "DB_PASSWORD")).endswith("custom.a.headers.…")


@pytest.mark.parametrize("layer", [("defaults",), ("templates", "t"), PAY])
def test_names_of_mcp_servers_are_shown_unless_they_are_credentials(layer: tuple[str, ...]) -> None:
    custom = (*layer, "settings", "mcpServers", "custom")
    assert public_path((*custom, "search", "url")).endswith("custom.search.url")
    assert public_path((*custom, "my server")).endswith("custom['my server']")
    assert public_path((*custom, "sk-ant-hunter2hunter2", "url")).endswith("custom.….url")


def test_of_a_bucket_all_is_shown_but_what_may_be_a_key_of_it() -> None:
    bucket = (*PAY, "storage", "bucket")
    fields = {field.alias or name for name, field in Bucket.model_fields.items()}
    assert {public_path((*bucket, field)) for field in fields} == {
        f"workspaces.pay.storage.bucket.{field}" for field in fields
    }
    shown = {field for field in fields if public_path((*bucket, field, "hunter2")).endswith(".hunter2")}
    assert shown == fields - {"accessKey", "secretKey"}
    assert public_path((*bucket, "secretKey", "config")).endswith("bucket.secretKey.config")
    assert public_path((*bucket, "hunter2", "config")).endswith("storage.bucket.….config")
    assert public_path((*PAY, "storage", "hunter2", "name")).endswith("storage.….name")


@pytest.mark.parametrize("prefix", CREDENTIAL_PREFIXES)
def test_credentials_are_blanked_wherever_they_stand(prefix: str) -> None:
    secret = f"{prefix}hunter2hunter2!$"
    assert public_path((*PAY, "keys", secret, "role")) == "workspaces.pay.keys.….role"
    problem = Problem(None, "p", f"{secret!r} is not a role", (f"did you mean '{secret}'?",))
    assert without_credentials_in(problem) == Problem(None, "p", "'…' is not a role", ("did you mean '…'?",))


@pytest.mark.parametrize(
    ("text", "blanked"),
    [
        ("see https://bob:hunter2@x.org/y.", "see https://…@x.org/y."),
        ("see https://bob:a/b@x.org", "see https://…@x.org"),
        ("'-----BEGIN RSA PRIVATE KEY-----\\nhunter2'", "'…'"),
        ("'sk-1' is short, and task-1234567890 is a name", "'sk-1' is short, and task-1234567890 is a name"),
    ],
)
def test_what_is_blanked_of_a_text(text: str, blanked: str) -> None:
    assert without_credentials(text) == blanked


OPEN = {
    Workspace: "displayName description owners reviewers grants keys protect state guard onClose adopt template limits "
    "labels annotations podSecurity exceptions acknowledge shard",
    Settings: "idleTimeout featureFlags caBundle",
    Bucket: "name driver shared versioning expireAfter tags objectLock encryption adopt protect state onDelete force "
    "endpoint credentials",
    Schedule: "schedule displayName suspend reuseLastSession runAs cronJob",
}
PRIVATE = {
    Workspace: "schedules secrets settings storage",
    Settings: "mcpServers",
    Bucket: "accessKey secretKey",
    Schedule: "sessionTemplate",
}


@pytest.mark.parametrize("model", OPEN)
def test_of_each_field_is_decided_whether_it_may_be_quoted(model):
    """A new one fails here: mark its model as private, unless nobody could write a secret into it."""
    fields = {field.alias or name for name, field in model.model_fields.items()}
    assert quotable_fields(model) == {*OPEN[model].split()}
    assert fields - quotable_fields(model) == {*PRIVATE[model].split()}


def models(annotation):
    """All models that an annotation leads to, without private ones."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        if not annotation.private:
            yield annotation
            yield from (model for field in annotation.model_fields.values() for model in models(field.annotation))
        return
    for part in get_args(annotation):
        yield from models(part)


def test_no_field_that_may_be_quoted_has_the_name_of_a_secret():
    found = set(models(StackFile))
    assert len(found) > 20
    fields = {
        (model.__name__, field.alias or name)
        for model in found
        for name, field in model.model_fields.items()
        if (field.alias or name) in quotable_fields(model)
    }
    # Lifetimes, and where a Secret is that a key is delivered to.
    lives_and_places = {("Bucket", "credentials"), ("Delivery", "secret"), ("DeliverySecret", "key")}
    assert {one for one in fields if says_secret(one[1])} == lives_and_places
