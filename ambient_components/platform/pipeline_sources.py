"""The names of repositories, projects, branches and issuers, as far as pipelines are declared by them."""

import re
from typing import Final

from ambient_components.errors import Remedy

Verdict = tuple[str, Remedy] | None
"""Problem and remedy of one value; None if there is no problem."""

_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_PROJECT: Final = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+")
_ISSUER: Final = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
# git check-ref-format
_NO_BRANCH: Final = re.compile(r"[\x00-\x20\x7f:~^?*\[\\]|\.\.|@\{|//|^[/.]|/\.|[/.]$|\.lock($|/)")


def repository_problem(repository: str) -> Verdict:
    if _REPOSITORY.fullmatch(repository):
        return None
    return f"{repository!r} is not a GitHub repository", "allowed: OWNER/NAME, in the spelling of the repository's page"


def project_problem(project: str) -> Verdict:
    if _PROJECT.fullmatch(project):
        return None
    return f"{project!r} is not a GitLab project", "allowed: GROUP/PROJECT or GROUP/SUBGROUP/PROJECT, as in its address"


def id_problem(number: int) -> Verdict:
    return None if number > 0 else (f"{number} is not an id", "allowed: whole numbers from 1")


def repository_id_hint(repository: str) -> str:
    return f"print it with: gh api repos/{repository} --jq .id"


def project_id_hint(project: str) -> str:
    return f"print it with: glab api projects/{project.replace('/', '%2F')} | jq .id"


def branch_problem(branch: str) -> Verdict:
    if "*" in branch or "?" in branch:
        hint = "write a grant for each branch: a token has one name, and so has a grant"
        return f"{branch!r} is a pattern", hint
    if branch.startswith("refs/"):
        return f"{branch!r} is a ref", "allowed: the name of a branch, such as main"
    if not branch or _NO_BRANCH.search(branch):
        return f"{branch!r} is not a branch", "allowed: the name of a branch, such as main or release/1.2"
    return None


def issuer_problem(url: str) -> Verdict:
    if _ISSUER.fullmatch(url):
        return None
    hint = "allowed: https://HOST, with a port or a path if its tokens have them in `iss`, and with that spelling"
    return f"{url!r} is not an issuer", hint
