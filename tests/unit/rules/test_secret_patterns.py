import pytest

from ambient_components.rules.secret_patterns import (
    begins_like_credential,
    is_literal,
    looks_like_credential,
    says_secret,
    without_credentials,
)


@pytest.mark.parametrize(
    "text",
    [
        "sk-ant-api03-abcdefgh",
        "Bearer sk-abcdefgh12",
        "ghp_abcdefghijklmnop",
        "--token=glpat-abcdefghijk",
        "eyJhbGciOiJIUzI1NiJ9.e30.x",
        "AKIAIOSFODNN7EXAMPLE",
        "sha256~abcdefghijklmno",
        "-----BEGIN RSA PRIVATE KEY-----\nabc",
        "https://bob:hunter2@example.com/x",
        "${TOKEN:-ghp_abcdefghijklmnop}",
    ],
)
def test_credentials_are_known_by_their_shape(text):
    assert looks_like_credential(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "debug",
        "Bearer ${TOKEN}",
        "${GITHUB_TOKEN}",
        "https://example.com:8443/path",
        "https://${USER}@example.com",
        "task-1234567890",
        "sk-1",
        "0b59fe7de035d827ea221ef1370598edc77b527f",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    ],
)
def test_other_texts_are_no_credentials(text):
    assert not looks_like_credential(text)


@pytest.mark.parametrize(("text", "begins"), [("sk-1", True), ("ghp_x", True), ("payments/sk-1", False)])
def test_names_that_begin_like_a_credential(text, begins):
    assert begins_like_credential(text) is begins


@pytest.mark.parametrize(
    "name",
    [
        "GITHUB_TOKEN",
        "DB_PASSWORD",
        "DB_PASSWD",
        "DB_PASS",
        "DB_PWD",
        "CLIENT_SECRET",
        "AWS_SECRET_ACCESS_KEY",
        "OPENAI_API_KEY",
        "KEY",
        "CREDENTIALS",
        "GITHUB_PAT",
        "githubToken",
        "X-Api-Key",
        "Authorization",
        "Proxy-Authorization",
        "--api-key",
        "api_token",
        "DBPASSWORD",
        "Cookie",
        "Set-Cookie",
        "SESSION_COOKIE",
        "example.com/api-token",
    ],
)
def test_names_that_say_secret(name):
    assert says_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "LOG_LEVEL",
        "TOKEN_URL",
        "KEY_FILE",
        "SSL_KEY_PATH",
        "PASSWORD_FILE",
        "MAX_TOKENS",
        "PUBLIC_KEY",
        "SSH_PUBLIC_KEY",
        "SORT_KEY",
        "PWD",
        "COOKIE_DOMAIN",
        "BYPASS",
        "COMPASS",
        "MONKEY",
        "PATH",
        "Content-Type",
        "",
    ],
)
def test_names_that_do_not(name):
    assert not says_secret(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://bob:hunter2@example.com/x", "https://…@example.com/x"),
        ("https://bob:pa/s@s@example.com ok", "https://…@example.com ok"),
        ("'https://bob:x@h' and git://h/ghp_abcdefghijkl", "'https://…@h' and git://h/…"),
        ("https://a:sk-12345678@h/ghp_12345678", "https://…@h/…"),
        ("https://example.com/a", "https://example.com/a"),
        ("key sk-abcdefgh12, next", "key …, next"),
        ("a\n-----BEGIN RSA PRIVATE KEY-----\nabc", "a\n…"),
    ],
)
def test_credentials_are_blanked(text, shown):
    assert without_credentials(text) == shown


MANY = 500_000


@pytest.mark.parametrize(
    "part", ["${", "${a", "://", "a://b:", "-----BEGIN ", "-----BEGIN A ", "sk-", "Bearer ", "a@", "_"]
)
def test_no_text_makes_the_search_endless(part):
    """Quadratic search needs hours for half a million repetitions."""
    text = part * MANY
    assert looks_like_credential(text) is (part == "sk-")
    assert is_literal(text)
    assert len(without_credentials(text)) <= len(text)
    says_secret(text)
