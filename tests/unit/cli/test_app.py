"""The command line from outside: help, exit codes, what reaches a person, and the programs it starts."""

import base64
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import typer
import yaml

from ambient_components._version import VERSION
from ambient_components.cli.app import VERBS, run, verb_app
from ambient_components.cli.prompts import asker, refuse, take_defaults
from ambient_components.engine.backend import current_backend
from ambient_components.errors import AmbientError
from ambient_components.output import USAGE
from ambient_components.stacks import cluster as kube
from ambient_components.stacks.pulumi import PulumiEngine


def script(folder: Path, text: str) -> PulumiEngine:
    """An engine whose `pulumi` is a shell script."""
    program = folder / "bin" / "pulumi"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return PulumiEngine(folder, {"PATH": f"{program.parent}:/usr/bin:/bin"})


def misspelled(word: str) -> str:
    return word[:-2] + word[-1]


def choices() -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Every word of every option with a closed vocabulary: its verb, its flag, the word."""
    for name in VERBS:
        verbs = verb_app(name)
        yield from choices_of(verbs, (name,) if len(verbs.registered_commands) > 1 else ())


def choices_of(verbs: typer.Typer, before: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    for command in verbs.registered_commands:
        for kind in get_type_hints(command.callback, include_extras=True).values():
            declared, *infos = get_args(kind) or (kind,)  # Annotated: the flag is what else would be the default
            for words in (declared, *get_args(declared)):
                if isinstance(words, type) and issubclass(words, Enum):
                    verb = (*before, command.name or command.callback.__name__)
                    # One enumeration serves several verbs: its help says which of the words a verb takes.
                    yield from ((verb, infos[0].default, word) for word in infos[0].metavar.strip("[]").split("|"))


class TestCommandLine:
    def test_a_misspelled_command_gets_a_suggestion(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["shwo", "dev"]) == USAGE
        assert "there is no command 'shwo'\n  hint: did you mean 'show'?\n" in capsys.readouterr().err
        assert run(["xyzzy"]) == USAGE
        assert "xyzzy" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "hint"),
        [
            (["destroy", "dev", "--yes"], "to confirm without a prompt: --confirm NAME"),
            (["up", "dev", "--confirm", "dev"], "to confirm without a prompt: --yes"),
            (["reshard", "dev", "--auto-approve"], "to confirm without a prompt: --yes"),
            (["plan", "dev", "-y"], "this command asks for no confirmation: leave it out"),
        ],
    )
    def test_how_other_tools_confirm(self, arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(arguments) == USAGE
        assert capsys.readouterr().err.endswith(f"\n  hint: {hint}\n")
        assert run(["plan", "--nope"]) == USAGE
        assert "hint" not in capsys.readouterr().err

    @pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["init", "--help"], ["show", "-h"], ["validate", "-h"]])
    def test_help_teaches(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert run(arguments) == 0
        text = capsys.readouterr().out
        assert re.search("ambient (show|init|validate) ", text)
        assert "\033[" not in text

    @pytest.mark.parametrize("name", VERBS)
    def test_the_table_of_verbs_has_their_first_sentences(self, name: str) -> None:
        command = typer.main.get_command(verb_app(name))
        assert (command.help or "").partition("\n")[0] == VERBS[name]

    def test_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["--version"]) == 0
        assert capsys.readouterr().out == f"ambient {VERSION}\n"

    @pytest.mark.parametrize(
        "arguments",
        [
            [],
            ["nope"],
            ["init"],
            ["init", "a", "-s", "b"],
            ["show", "a", "b", "-s", "c"],
            ["show", "a", "b", "c"],
            ["show", "a", "b", "--ca-certificate"],
            ["validate", "--format", "xml"],
            ["show", "a", "--format", "xml"],
            ["init", "a", "--nope"],
            ["init", "bad name!", "--yes"],
            ["init", "--stack", "../prod"],
            ["show", "dev/"],
            ["show", "pay", "--stack", "a/b/c/d"],
            ["schema", "dev"],
        ],
    )
    def test_wrong_usage(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert run(arguments) == USAGE == 64
        shown = capsys.readouterr()
        assert "Usage: ambient" in shown.err
        assert (shown.out, "Traceback" in shown.err) == ("", False)

    @pytest.mark.parametrize(("verb", "flag", "word"), sorted(choices()))
    def test_a_typo_in_the_words_of_an_option_is_guessed(
        self, verb: tuple[str, ...], flag: str, word: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run([*verb, flag, misspelled(word)]) == USAGE
        *_, reported, allowed, suggestion = capsys.readouterr().err.splitlines()
        assert reported == f"Error: Invalid value for '{flag}': '{misspelled(word)}' is none of them"
        assert allowed.startswith("  hint: allowed: ")
        assert suggestion == f"  hint: did you mean '{word}'?"

    def test_ctrl_c(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("ambient_components.stacks.project.Project.find", interrupted)
        assert run(["validate"]) == 130

    def test_errors_are_text(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert run(["show", "dev"]) == 1
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith("ambient: there is no Pulumi.yaml in ")
        assert "Traceback" not in shown.err


class TestPulumi:
    def test_fails_in_its_own_words(self, tmp_path: Path) -> None:
        engine = script(tmp_path, "echo 'warning: old' >&2; echo 'error: no stack named x' >&2; exit 6")
        with pytest.raises(AmbientError, match=r"^`pulumi stack export` failed: no stack named x$"):
            engine.run("stack", "export")

    def test_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(AmbientError, match="there is no `pulumi` on PATH"):
            PulumiEngine(tmp_path, {"PATH": str(tmp_path)}).run("version")

    def test_never_reads_the_terminal(self, tmp_path: Path) -> None:
        assert script(tmp_path, 'cat; echo "$@"').run("config", "set", "k", stdin="value\n").splitlines() == [
            "value",
            "config set k --non-interactive --color=never",
        ]
        assert script(tmp_path, "cat").run("version") == ""

    def test_no_login_is_no_error(self, tmp_path: Path) -> None:
        reported = "error: this command requires logging in; try running `pulumi login` first"
        assert current_backend(script(tmp_path, f"echo '{reported}' >&2; exit 3")) is None

    def test_a_login_that_does_not_work_is_one(self, tmp_path: Path) -> None:
        with pytest.raises(AmbientError, match="no such bucket"):
            current_backend(script(tmp_path, "echo 'error: no such bucket' >&2; exit 1"))


class TestKubeconfig:
    def write(self, path: Path, name: str, cluster: dict[str, str], current: bool = True) -> None:
        data = {
            "clusters": [{"name": "c", "cluster": cluster}],
            "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}}],
            **({"current-context": name} if current else {}),
        }
        path.write_text(yaml.safe_dump(data))

    def test_the_first_file_that_names_a_thing_wins(self, tmp_path: Path) -> None:
        ca = base64.b64encode(b"PEM").decode()
        self.write(
            tmp_path / "one", "first", {"server": "https://one", "certificate-authority-data": ca}, current=False
        )
        self.write(tmp_path / "two", "second", {"server": "https://two"})
        environ = {"KUBECONFIG": f"{tmp_path / 'one'}:{tmp_path / 'missing'}:{tmp_path / 'two'}"}
        assert kube.contexts(environ) == (["first", "second"], "second")
        assert kube.endpoint("first", environ) == kube.Endpoint("https://one", b"PEM")
        assert kube.endpoint("nobody", environ) is None

    def test_a_ca_file_is_relative_to_its_kubeconfig(self, tmp_path: Path) -> None:
        (tmp_path / "ca.crt").write_bytes(b"PEM")
        self.write(tmp_path / "one", "x", {"server": "https://one", "certificate-authority": "ca.crt"})
        address = kube.endpoint(None, {"KUBECONFIG": str(tmp_path / "one")})
        assert address == kube.Endpoint("https://one", b"PEM", tmp_path / "ca.crt")

    def test_no_kubeconfig(self, tmp_path: Path) -> None:
        environ = {"KUBECONFIG": str(tmp_path / "none")}
        assert kube.contexts(environ) == ([], None)
        assert kube.endpoint(None, environ) is None
        with pytest.raises(AmbientError, match="no cluster to talk to"):
            kube.identify(None, environ)

    def test_a_cluster_that_does_not_answer(self, tmp_path: Path) -> None:
        self.write(tmp_path / "one", "x", {"server": "https://127.0.0.1:1"})
        data = yaml.safe_load((tmp_path / "one").read_text())
        (tmp_path / "one").write_text(yaml.safe_dump(data | {"users": [{"name": "u", "user": {"token": "t"}}]}))
        with pytest.raises(AmbientError, match=r"https://127\.0\.0\.1:1 does not answer \(.*--cluster-uid"):
            kube.identify("x", {"KUBECONFIG": str(tmp_path / "one")})


class TestTerminal:
    def test_nobody_is_asked_without_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", open("/dev/null", encoding="utf-8"))  # noqa: SIM115, PTH123
        assert asker(yes=False) is refuse
        assert asker(yes=True) is take_defaults
