"""What the stack's config says about the platform."""

import pytest

from ambient_components.rules.installation import platform_url_problem, sessions_url

NO_ADDRESS = ("is not an address of the web", "allowed: https://HOST, with a port or a path where needed")


@pytest.mark.parametrize(
    "url",
    [
        "https://acp.example.com",
        "https://acp.example.com/",
        "https://acp.example.com:8443/platform",
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "http://[::1]:8080",
    ],
)
def test_addresses(url: str) -> None:
    assert platform_url_problem(url) is None


@pytest.mark.parametrize(
    "url", ["", "acp.example.com", "ftp://a", "https://", "https://a:x", "https://a:0", "https://a b", "x\n", 7, None]
)
def test_what_is_no_address(url: object) -> None:
    assert platform_url_problem(url) == NO_ADDRESS


@pytest.mark.parametrize("url", ["https://a?x=1", "https://a#x", "https://user@a", "https://u:hunter2@a"])
def test_an_address_has_no_more_than_a_place(url: str) -> None:
    verdict = platform_url_problem(url)
    assert verdict is not None
    assert verdict[0] == "has more than a host, a port and a path"
    assert "hunter2" not in str(verdict)


def test_a_key_does_not_go_over_the_network_in_plain_text() -> None:
    verdict = platform_url_problem("http://acp.example.com")
    assert verdict is not None
    assert verdict[0] == "is not encrypted, and every request to it has a key in its header"


@pytest.mark.parametrize("url", ["https://acp.example.com", "https://acp.example.com/"])
def test_the_route_of_sessions_is_the_backends(url: str) -> None:
    """components/backend/routes.go; the platform's documentation has another path, which is no route. Contract 1.5."""
    assert sessions_url(url, "pay") == "https://acp.example.com/api/projects/pay/agentic-sessions"
