"""Detection of strings that look like secrets, by shape or by name, so that none is committed with a stack file.

It prefers a false alarm, which costs one more line of config, to a leak. It never quotes its input. The input is the
author's, of any length: each expression looks at each character a bounded number of times.
"""

import re
from typing import Final

# Prefixes that the issuers document for leak scanners.
CREDENTIAL_PREFIXES: Final = (
    "sk-",  # Anthropic, OpenAI
    "AIza",  # Google
    "ya29.",
    "ghp_",  # GitHub
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",  # GitLab
    "ATATT",  # Atlassian
    "xoxb-",  # Slack
    "xoxp-",
    "xoxa-",
    "AKIA",  # AWS
    "ASIA",
    "npm_",
    "hf_",  # Hugging Face
    "pypi-",
    "sha256~",  # OpenShift
    "eyJ",  # any JSON Web Token
)
"""Prefixes of well-known credentials."""

HIDDEN: Final = "…"
"""Replacement for a key or value that must not be quoted."""

_SHAPES: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:" + "|".join(re.escape(prefix) for prefix in CREDENTIAL_PREFIXES) + r")[A-Za-z0-9_.~+/=-]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|://[^/\s:@]*:[^/\s@]+@"  # the password in an address
)
_REFERENCE: Final = re.compile(r"\$\{[^}:${]+\}")
_SCHEME: Final = re.compile(r"(?:Bearer|Basic|Token|ApiKey)\s+", re.IGNORECASE)
_SECRET_NAME: Final = re.compile(
    r"(TOKEN|PASSWORD|PASSWORDS|PASSWD|PASSPHRASE|SECRET|SECRETS|CREDENTIAL|CREDENTIALS|APIKEY|PRIVATEKEY|COOKIE"
    r"|(^|_)KEY|_PAT|_PASS|_PWD|AUTHORIZATION)$"
)
# Names that end like a secret's name but hold public values.
_OPEN_NAME: Final = re.compile(r"(^|_)(PUBLIC|SORT|PRIMARY|FOREIGN|PARTITION|CACHE|ROUTING|GROUP|MAP)_KEY$")
# Up to the end of the word, because issuers do not document which characters a token can contain.
_CREDENTIAL: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:" + "|".join(re.escape(prefix) for prefix in CREDENTIAL_PREFIXES) + r")\S{8,}"
    r"|-----BEGIN .*",
    re.DOTALL,
)
_ADDRESS: Final = re.compile(r"(?<=://)[^\s'\"]+")
_AROUND_A_WORD: Final = "'\"`;:,?"


def looks_like_credential(text: str) -> bool:
    """Return whether a string contains a credential: a known prefix, a private key or a password in a URL.

    A reference such as `${GITHUB_TOKEN}` is not a credential; the default in `${NAME:-value}` is checked.
    """
    return _SHAPES.search(_REFERENCE.sub("", text)) is not None


def begins_like_credential(text: str) -> bool:
    """Return whether a string that should be a short name starts like a credential."""
    return text.startswith(CREDENTIAL_PREFIXES)


def says_secret(name: str) -> bool:
    """Return whether the name of a variable or header indicates a secret: `DB_PASSWORD`, `X-Api-Key`.

    The last word decides: `TOKEN_URL`, `KEY_FILE` and `MAX_TOKENS` are public, and so is `PUBLIC_KEY`.
    """
    words = re.sub(r"[^A-Z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()).strip("_")
    return _SECRET_NAME.search(words) is not None and _OPEN_NAME.search(words) is None


def is_literal(text: str) -> bool:
    """Return whether there is more to a text than references such as `${TOKEN}`, and the scheme of a header."""
    return bool(_SCHEME.sub("", _REFERENCE.sub("", text) + " ", count=1).strip())


def without_credentials(text: str) -> str:
    """Blank out everything shaped like a credential, because one can be pasted in place of any name."""
    return _CREDENTIAL.sub(_blank, _ADDRESS.sub(_without_login, text))


def _without_login(match: re.Match[str]) -> str:
    _, at, host = match[0].rpartition("@")
    return f"{HIDDEN}@{host}" if at else host


def _blank(match: re.Match[str]) -> str:
    word = match[0]
    return HIDDEN + word[len(word.rstrip(_AROUND_A_WORD)) :]
