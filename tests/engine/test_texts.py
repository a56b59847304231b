"""Declared texts with characters that no terminal prints: what is written is what is found, so nothing ever drifts."""

import json

import yaml

from ambient_components.platform.contract import DESCRIPTION_ANNOTATION, KEY_NAME_ANNOTATION
from sandbox.ui_style import UiKey, UiWorkspace
from tests.support.adoption import adopt, differences, dump, make
from tests.support.stacks import Stack

WOMAN = "\U0001f469\u200d\U0001f4bb"
"""An emoji of two, with a joiner between."""

TEXTS = {
    "block": "Used by the nightly build\n",
    "lines": "\nfirst\n\n  second\r\n",
    "joiner": f"of {WOMAN}",
    "tab": "a\tb",
    "no-break": "10\u00a0000 runs\u202fa day",
    "invisible": "zero\u200bwidth\ufeff",
    "direction": "\u202eabc\u2066",
    "command": "##[error]failed ##vso[task.complete]",
    "colons": "::error title=x::y",
    "later-colons": "  ::set-output name=a::b",
    "escaped": r"already \x3a:error \u200d \\x23#[x",
    "separators": "a\u2028b\u2029c\x85d",
    "private": "\ue000\U000e0041\ufdd0",
    "composed": "e\u0301 and \u00e9",
    "blank": " \u3000 ",
    "empty": "",
}
"""Names and descriptions of keys, by the key's id."""

SUBJECTS = (f"::{WOMAN}", "##[group]\u00a0of", "a\u200cb", "x  ::y", r"\u200d", "z\ue000")
"""Names of users and groups."""

PROMPT = f"::error::\n\t{WOMAN} ##[error]\u00a0\u2028\n"


def declared() -> str:
    """A workspace with these texts in every field that takes one."""
    keys = {
        key_id: {"role": "view", "name": text[:64] or key_id, "description": text} for key_id, text in TEXTS.items()
    }
    grants = [{kind: name, "role": "view"} for name in SUBJECTS for kind in ("user", "group")]
    workspace = {
        "protect": False,
        "owners": ["user:alice@example.com", f"user:{SUBJECTS[0]}"],
        "grants": grants,
        "keys": keys,
        "displayName": PROMPT.replace("\n", " "),
        "description": PROMPT,
        "annotations": {f"example.com/{key_id}": text.replace("\x85", "") for key_id, text in TEXTS.items()},
        "secrets": {"integrations": {"GREETING": {"value": PROMPT}}},
        "settings": {"mcpServers": {"custom": {"odd": {"command": "run", "args": [PROMPT], "env": {"A": PROMPT}}}}},
        "schedules": {
            "review": {
                "schedule": "0 9 * * 1-5",
                "displayName": "##[error] and ::error::",
                "sessionTemplate": {"initialPrompt": PROMPT, "environmentVariables": {"A": PROMPT}},
            }
        },
    }
    return yaml.safe_dump({"guardrails": {"maxKeys": len(keys)}, "workspaces": {"THIS": workspace}}, width=10_000)


def test_nothing_drifts(stack: Stack) -> None:
    stack.config("operatorImage", "registry.example.com/operator:1.2")
    stack.config("openshift", "true")
    stack.write(declared())
    stack.up().ok()
    for again in (stack.preview("--refresh", "--expect-no-changes"), stack.up("--refresh", "--expect-no-changes")):
        assert again.unchanged, again.text
    accounts = (stack.machine.get(f"/api/v1/namespaces/{stack.w}/serviceaccounts") or {})["items"]
    notes = [item["metadata"].get("annotations") or {} for item in accounts]
    found = {note[KEY_NAME_ANNOTATION]: note[DESCRIPTION_ANNOTATION] for note in notes if KEY_NAME_ANNOTATION in note}
    assert found == {text[:64] or key_id: text for key_id, text in TEXTS.items()}


def test_an_adopted_workspace(stack: Stack) -> None:
    """As the platform's UI and API made it: nothing of these texts is changed by the adoption or by a refresh."""
    texts = {key_id: text for key_id, text in TEXTS.items() if text.strip()}
    made = UiWorkspace(
        f"{stack.w}-a",
        keys=tuple(UiKey(text[:64], "view", text, suffix=f"{n:08x}") for n, text in enumerate(texts.values())),
        grants=tuple(("group", name, "view") for name in SUBJECTS),
    )
    make(stack.machine, made)
    before = dump(stack.machine, made.name)
    said = adopt(stack, made.name)
    assert said.code == 0, said.text
    stack.up().ok()
    assert stack.up("--refresh", "--expect-no-changes").unchanged
    assert differences(dump(stack.machine, made.name), before) == []


def test_what_others_changed_is_found_and_mended(stack: Stack) -> None:
    """A difference that only escaping hides is one: the escaped text of a declared one is another text."""
    stack.config("operatorImage", "registry.example.com/operator:1.2")
    stack.config("openshift", "true")
    stack.write(declared())
    stack.up().ok()
    (account,) = [name for name in stack.accounts() if "-tab-" in name]
    path = f"/api/v1/namespaces/{stack.w}/serviceaccounts/{account}"
    changed = json.dumps({"metadata": {"annotations": {DESCRIPTION_ANNOTATION: r"a\tb"}}}).encode()
    stack.machine.admin().request("PATCH", path, changed, "application/merge-patch+json")
    assert "1 to update" in stack.preview("--refresh").ok().text
    stack.up("--refresh").ok()
    assert (stack.machine.get(path) or {})["metadata"]["annotations"][DESCRIPTION_ANNOTATION] == TEXTS["tab"]
