"""Stacks whose programs are in other languages: those of the examples, changed as their users would change them."""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from sandbox.language_host import WRITER_VARIABLE
from sandbox.store import Store
from sandbox.toolchain import Toolchain
from tests.support import buckets
from tests.support.machine import Machine
from tests.support.normal import Placeholders, normal_objects, random_parts
from tests.support.recordings import workspace_objects
from tests.support.stacks import PATIENCE, REPOSITORY, Result, Stack
from tests.support.state_file import PROJECT

EXAMPLES = REPOSITORY / "examples" / "languages"


class LanguageStack(Stack):
    """The program of an example, with a workspace and a bucket of the test's own.

    The language hosts of Node.js and of Go are not here: without them, programs run inline, by the Automation API.
    """

    forks = False
    language: ClassVar[str]
    source: ClassVar[str]
    """The program's file."""
    edits: ClassVar[Mapping[str, tuple[str, str]]]
    """What a change of the program replaces, by its name."""
    toolchain: Toolchain

    @classmethod
    @contextmanager
    def opened(cls, machine: Machine, toolchain: Toolchain, store: Store, folder: Path) -> Iterator[Self]:
        """A stack with the config that its program needs."""
        cls.toolchain = toolchain
        stack = cls(machine, f"{cls.language}-{secrets.token_hex(2)}", folder)
        buckets.with_store(stack, store)
        stack.secret("anthropic")
        stack.prepare()
        yield stack
        stack.remove()

    def prepare(self) -> None:
        """Install what the program needs."""

    def use(self, *changes: str) -> None:
        """Write the program, with these changes."""
        text = (EXAMPLES / self.language / self.source).read_text(encoding="utf-8")
        for change in changes:
            old, new = self.edits[change]
            assert old in text, f"{change}: {old} is not in the program"
            text = text.replace(old, new)
        text = text.replace("payments", self.w)
        self.write_program(text.replace(f"{self.w}-devs", "payments-devs"))

    def write_program(self, text: str) -> None:
        (self.folder / self.source).write_text(text.replace("THIS", self.w), encoding="utf-8")

    def package(self, *words: str | Path) -> Result:
        result = self._run("package", *map(str, words))
        return Result(result.returncode, result.stdout + result.stderr)

    def settings(self, runtime: str) -> str:
        """The project's settings, with the plugin of this repository, and the stack's config where `Stack` has it."""
        plugin = f"plugins: {{providers: [{{name: ambient, path: {REPOSITORY / 'plugin'}}}]}}"
        return f"name: {PROJECT}\nruntime: {runtime}\nstackConfigDir: stacks\n{plugin}\n"


def _more(line: str) -> str:
    """Return lines with four more grants, which a run may not remove all."""
    return "".join(line.replace("NAME", name) for name in "abcd")


class YamlStack(LanguageStack):
    """Pulumi YAML, with its own language host."""

    language = "yaml"
    source = "Pulumi.yaml"
    edits: ClassVar = {
        "lower": ("{group: payments-devs, role: edit}", "{group: payments-devs, role: view}"),
        "rotate": ("lifetime: 30d", "lifetime: 30d, generation: 2"),
        "public": ("group: payments-devs", "group: system:authenticated"),
        "more": ("grants:\n", "grants:\n" + _more("            - {user: NAME@example.com}\n")),
        "wrong": ("lifetime: 30d", "lifetime: 30x"),
    }

    def write_program(self, text: str) -> None:
        body = text[text.index("config:") :]
        super().write_program(self.settings("yaml") + body)

    def _init(self) -> None:
        host = self.toolchain.yaml_host
        assert host is not None
        self.environment["PATH"] = f"{host.parent}:{self.environment['PATH']}"
        super()._init()


class PythonStack(LanguageStack):
    """Python, with the SDK that `pulumi package add` writes, and that the test installs: the stand-in host does not."""

    language = "python"
    source = "__main__.py"
    edits: ClassVar = {
        "lower": ('{"group": "payments-devs", "role": "edit"}', '{"group": "payments-devs", "role": "view"}'),
        "rotate": ('"lifetime": "30d"', '"lifetime": "30d", "generation": 2'),
        "public": ('"group": "payments-devs"', '"group": "system:authenticated"'),
    }

    def prepare(self) -> None:
        """Write the project, without a plugin: `package add` adds it."""
        python = f"{{name: python, options: {{virtualenv: {sys.prefix}}}}}"
        settings = f"name: {PROJECT}\nruntime: {python}\nstackConfigDir: stacks\n"
        (self.folder / "Pulumi.yaml").write_text(settings, encoding="utf-8")
        self.environment["PYTHONPATH"] = str(self.folder / "installed")
        self.environment[WRITER_VARIABLE] = str(self.toolchain.sdks)

    def add(self, source: str | Path) -> Path:
        """Add and install the package, and return the folder of its SDK."""
        self.package("add", source).ok()
        sdk = next(self.folder.glob("sdks/*"))
        flags = ["--quiet", "--no-deps", "--no-build-isolation", "--target", self.folder / "installed"]
        run([sys.executable, "-m", "pip", "install", *flags, sdk], self.folder).ok()
        return sdk


def run(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] = os.environ) -> Result:
    """Run a compiler, a package manager or a program."""
    ended = subprocess.run(
        [str(word) for word in command],
        cwd=folder, env={**environment}, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    return Result(ended.returncode, ended.stdout + ended.stderr)


def write_sdk(toolchain: Toolchain, folder: Path, language: str) -> Path:
    """Write the SDK of a language, from the schema that the plugin has."""
    from ambient_components.languages import schema_json  # noqa: PLC0415

    assert toolchain.sdks is not None
    schema = folder / "schema.json"
    schema.write_text(schema_json(), encoding="utf-8")
    run([toolchain.sdks, schema, folder, language], folder).ok()
    return folder / language


def copied(folder: Path, example: str, *names: str) -> None:
    for name in names:
        shutil.copy(EXAMPLES / example / name, folder)


class InlineStack(LanguageStack):
    """A program that the Automation API runs: this process's children are the program and the engine."""

    sdk: Path
    """Folder of the compiled SDK."""

    def up(self, *flags: str, offset: str = "", plain: bool = False) -> Result:  # as in `Stack`
        return self._drive("up")

    def preview(self, *flags: str, offset: str = "") -> Result:
        return self._drive("preview")

    def destroy(self, *flags: str, plain: bool = False) -> Result:
        return self._drive("destroy")

    def _drive(self, verb: str) -> Result:
        result = run([*self.command(), verb, self.name], self.folder, self.environment)
        text = "\n".join(line for line in result.text.splitlines() if " from $PATH" not in line)
        self.machine.outputs.append(text)
        return Result(result.code, text)

    def command(self) -> Sequence[str]:
        raise NotImplementedError


class TypeScriptStack(InlineStack):
    language = "typescript"
    source = "index.ts"
    edits: ClassVar = {
        "lower": ('{ group: "payments-devs", role: "edit" }', '{ group: "payments-devs", role: "view" }'),
        "rotate": ('lifetime: "30d"', 'lifetime: "30d", generation: 2'),
        "public": ('group: "payments-devs"', 'group: "system:authenticated"'),
        "more": ("grants: [\n", "grants: [\n" + _more('{ user: "NAME@example.com" },\n')),
        "wrong": ('lifetime: "30d"', 'lifetime: "30x"'),
        "misspelt": ('role: "edit", lifetime', 'rol: "edit", lifetime'),
    }
    driver: ClassVar = """\
const { LocalWorkspace } = require("@pulumi/pulumi/automation");
const [verb, stackName] = process.argv.slice(2);
const args = { stackName, projectName: "PROJECT", program: async () => ({ ...require("./bin/index.js") }) };
LocalWorkspace.createOrSelectStack(args, { workDir: __dirname })
    .then(stack => stack[verb]({ onOutput: text => process.stdout.write(text) }))
    .catch(error => { console.error(error.message); process.exit(1); });
"""

    def prepare(self) -> None:
        """Install the SDK as a package, and the compiler."""
        (self.folder / "Pulumi.yaml").write_text(self.settings("nodejs"), encoding="utf-8")
        copied(self.folder, self.language, "tsconfig.json", ".npmrc")
        package = json.loads((EXAMPLES / self.language / "package.json").read_text(encoding="utf-8"))
        package["dependencies"]["@ambient-components/ambient"] = f"file:{self.sdk}"
        (self.folder / "package.json").write_text(json.dumps(package), encoding="utf-8")
        run(["npm", "install", "--no-audit", "--no-fund"], self.folder).ok()
        (self.folder / "drive.js").write_text(self.driver.replace("PROJECT", PROJECT), encoding="utf-8")

    def compile(self) -> Result:
        return run(["npx", "tsc"], self.folder)

    def write_program(self, text: str) -> None:
        super().write_program(text)
        self.compile().ok()

    def command(self) -> Sequence[str]:
        return ["node", "drive.js"]


class GoStack(InlineStack):
    language = "go"
    source = "main.go"
    edits: ClassVar = {
        "lower": (
            'ptr("payments-devs"), Role: ptr(ambient.RoleEdit)',
            'ptr("payments-devs"), Role: ptr(ambient.RoleView)',
        ),
        "rotate": ('Lifetime: ptr("30d")', 'Lifetime: ptr("30d"), Generation: ptr(2)'),
        "public": ('ptr("payments-devs")', 'ptr("system:authenticated")'),
        "more": ("WorkspaceGrantArgs{\n", "WorkspaceGrantArgs{\n" + _more('{User: ptr("NAME@example.com")},\n')),
        "wrong": ('ptr("30d")', 'ptr("30x")'),
        "misspelt": ("Role: ptr(ambient.RoleEdit), Lifetime", "Rol: ptr(ambient.RoleEdit), Lifetime"),
    }
    driver: ClassVar = """\
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
)

func main() {
	ctx := context.Background()
	stack, err := auto.UpsertStackInlineSource(ctx, os.Args[2], "PROJECT", program, auto.WorkDir("."))
	if err == nil {
		switch os.Args[1] {
		case "up":
			_, err = stack.Up(ctx, optup.ProgressStreams(os.Stdout))
		case "preview":
			_, err = stack.Preview(ctx, optpreview.ProgressStreams(os.Stdout))
		case "destroy":
			_, err = stack.Destroy(ctx, optdestroy.ProgressStreams(os.Stdout))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
"""

    def prepare(self) -> None:
        (self.folder / "Pulumi.yaml").write_text(self.settings("go"), encoding="utf-8")
        (self.folder / "drive.go").write_text(self.driver.replace("PROJECT", PROJECT), encoding="utf-8")
        module = (EXAMPLES / self.language / "go.mod").read_text(encoding="utf-8")
        (self.folder / "go.mod").write_text(re.sub(r"=> \S+", f"=> {self.sdk}", module), encoding="utf-8")

    def compile(self) -> Result:
        return run(["go", "build", "-mod=mod", "-o", "drive", "."], self.folder)

    def write_program(self, text: str) -> None:
        super().write_program(text.replace("func main() {\n\tpulumi.Run(program)\n}\n", ""))
        self.compile().ok()

    def command(self) -> Sequence[str]:
        return ["./drive"]


class HostStack(LanguageStack):
    """A program that its language's own host runs, with the SDK that `pulumi package add` writes: as people do it."""

    runtime: ClassVar[str]
    programs: ClassVar[Sequence[str]]
    """What must be on PATH."""

    def prepare(self) -> None:
        """Copy the example, and add the package."""
        made = shutil.ignore_patterns("bin", "node_modules", "target")
        shutil.copytree(EXAMPLES / self.language, self.folder, ignore=made, dirs_exist_ok=True)
        (self.folder / "Pulumi.yaml").write_text(self.settings(self.runtime), encoding="utf-8")
        self.package("add", REPOSITORY / "plugin/pulumi-resource-ambient").ok()

    def _init(self) -> None:
        host = self.toolchain.java_host
        assert host is not None
        self.environment["PATH"] = f"{host.parent}:{self.environment['PATH']}"
        super()._init()


class NodeHostStack(HostStack):
    language = TypeScriptStack.language
    source = TypeScriptStack.source
    edits = TypeScriptStack.edits
    runtime = "nodejs"
    programs = ("npm", "pulumi-language-nodejs")


class GoHostStack(HostStack):
    language = GoStack.language
    source = GoStack.source
    edits = GoStack.edits
    runtime = "go"
    programs = ("go", "pulumi-language-go")


class JavaHostStack(HostStack):
    language = "java"
    source = "src/main/java/workspaces/App.java"
    edits: ClassVar = {
        "lower": ('group("payments-devs").role(Role.Edit)', 'group("payments-devs").role(Role.View)'),
        "rotate": ('lifetime("30d")', 'lifetime("30d").generation(2)'),
        "public": ('group("payments-devs")', 'group("system:authenticated")'),
        "wrong": ('lifetime("30d")', 'lifetime("30x")'),
        "misspelt": ("role(Role.Edit).lifetime", "rol(Role.Edit).lifetime"),
    }
    runtime = "java"
    programs = ("javac", "mvn")

    def package(self, *words: str | Path) -> Result:
        pom = self.folder / "pom.xml"
        pom.write_text(re.sub("<sdk>.*</sdk>", "<sdk>sdks/ambient</sdk>", pom.read_text(encoding="utf-8")))
        return super().package(*words)


STACK_FILE: Final = """\
workspaces:
  THIS:
    owners: [user:alice@example.com]
    grants:
      - {group: payments-devs, role: edit}
      - {user: bob@example.com, role: view}
    keys:
      ci: {role: edit, lifetime: 30d}
    secrets:
      runner: {ANTHROPIC_API_KEY: {config: anthropic}}
    storage:
      bucket: {name: THIS-sessions, protect: false}
    limits:
      quota: {requests.cpu: 20, pods: 50}
    protect: false
"""
"""What the programs declare, as a stack file."""


def normal(stack: Stack) -> dict[str, Any]:
    """Return the objects of a stack's workspace, with placeholders for what differs between stacks."""
    objects = list(workspace_objects(stack.machine, stack.w))
    values = {"<workspace>": stack.w, "<stack>": stack.name, **random_parts(objects)}
    return normal_objects(objects, Placeholders(values, datetime.now(UTC)))
