"""What looks like a secret, by its shape or by its name, so that none is committed with a stack file.

A guess that errs to the safe side where the cost is one more line of config: it refuses, and says where secrets belong.
It never quotes what it was given.
"""

import re
from typing import Final

# Beginnings that the issuers themselves document, so that leaks can be searched for.
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
"""How well-known credentials begin."""

HIDDEN: Final = "…"
"""Stands for a key or a value that isn't quoted."""

_SHAPES: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:" + "|".join(re.escape(prefix) for prefix in CREDENTIAL_PREFIXES) + r")[A-Za-z0-9_.~+/=-]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|://[^/\s:@]*:[^/\s@]+@"  # the password in an address
)
_REFERENCE: Final = re.compile(r"\$\{[^}:]+\}")
_SECRET_NAME: Final = re.compile(
    r"(TOKEN|PASSWORD|PASSWORDS|PASSWD|PASSPHRASE|SECRET|SECRETS|CREDENTIAL|CREDENTIALS|APIKEY|PRIVATEKEY"
    r"|(^|_)KEY|_PAT|_PASS|_PWD|AUTHORIZATION)$"
)
# Names that end like a secret's and are none: what they hold is meant to be seen.
_OPEN_NAME: Final = re.compile(r"(^|_)(PUBLIC|SORT|PRIMARY|FOREIGN|PARTITION|CACHE|ROUTING|GROUP|MAP)_KEY$")
# To the end of the word: what an issuer's token holds is not for us to say.
_CREDENTIAL: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:" + "|".join(re.escape(prefix) for prefix in CREDENTIAL_PREFIXES) + r")\S{8,}"
    r"|-----BEGIN .*"
    r"|(?<=://)[^\s'\"]*@",
    re.DOTALL,
)
_AROUND_A_WORD: Final = "'\"`;:,?"


def looks_like_credential(text: str) -> bool:
    """Tell whether a text holds what is shaped like a credential: known beginnings, private keys, passwords in URLs.

    References such as `${GITHUB_TOKEN}` are no credentials; a default in one, `${NAME:-value}`, is looked at.
    """
    return _SHAPES.search(_REFERENCE.sub("", text)) is not None


def begins_like_credential(text: str) -> bool:
    """Tell whether a text that should be a short name begins like a credential."""
    return text.startswith(CREDENTIAL_PREFIXES)


def says_secret(name: str) -> bool:
    """Tell whether the name of a variable or header says that its value is secret: `DB_PASSWORD`, `X-Api-Key`.

    It goes by the last word: `TOKEN_URL`, `KEY_FILE` and `MAX_TOKENS` are open, and so is `PUBLIC_KEY`.
    """
    words = re.sub(r"[^A-Z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()).strip("_")
    return _SECRET_NAME.search(words) is not None and _OPEN_NAME.search(words) is None


def without_credentials(text: str) -> str:
    """Blank what is shaped like a credential; one can be pasted in place of any name."""
    return _CREDENTIAL.sub(_blank, text)


def _blank(match: re.Match[str]) -> str:
    word = match[0]
    if word.endswith("@"):
        return f"{HIDDEN}@"
    return HIDDEN + word[len(word.rstrip(_AROUND_A_WORD)) :]
