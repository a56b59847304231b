"""What a report may quote: names that people gave, and nothing that could be a secret in their place."""

import pytest

from ambient_components.credentials import CREDENTIAL_PREFIXES
from ambient_components.errors import Problem
from ambient_components.spec import Bucket
from ambient_components.spec.privacy import may_quote_key, public_path, without_credentials, without_credentials_in

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
    problem = Problem(None, "p", f"{secret!r} is not a role", f"did you mean '{secret}'?")
    assert without_credentials_in(problem) == Problem(None, "p", "'…' is not a role", "did you mean '…'?")


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
