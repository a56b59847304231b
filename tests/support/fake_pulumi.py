"""A `pulumi` that plays what a test wrote down: events, sleeps, deaths, locks. It keeps when each state was written.

The test writes `play.json` into the project's folder: by stack what its next runs do, the last one again and again:
    lines: of standard output, objects or texts; stderr: a text; code; sleep: seconds between two lines;
    die: a signal's number, after the lines; deaf: how often it does not listen to SIGINT
`export` is the state of every stack, `exports` that of some by name.
Calls are in `calls.jsonl`: arguments, and the part of the environment that matters.
"""

import json
import sys
from pathlib import Path
from typing import Any

SCRIPT = """#!{python} -IS
import datetime, fcntl, json, os, pathlib, signal, sys, time
words, here = sys.argv[1:], pathlib.Path.cwd()
kept = {{name: os.environ.get(name) for name in
        ("PULUMI_SKIP_CHECKPOINTS", "PULUMI_CONTINUE_ON_ERROR", "AMBIENT_RUN", "AMBIENT_EXCLUDE",
         "AMBIENT_CHECK_ON_REFRESH", "GOGC", "GOMEMLIMIT")}}
interrupts = []
signal.signal(signal.SIGINT, lambda *_: interrupts.append(1))

def note(**more):
    with (here / "calls.jsonl").open("a") as stream:
        stream.write(json.dumps({{"words": words, "env": kept, **more}}) + "\\n")

def flag(name):
    return words[words.index(name) + 1] if name in words else ""

def locked(change=None):
    with (here / "states.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = here / "states.json"
        states = json.loads(path.read_text())
        if change:
            change(states)
            path.write_text(json.dumps(states))
        return states

if words[:2] == ["stack", "ls"]:
    note()
    print(json.dumps(list(locked().values())))
    sys.exit()
if words[:2] == ["stack", "export"]:
    note()
    plays = json.loads((here / "play.json").read_text())
    deployment = plays.get("exports", {{}}).get(flag("--stack")) or plays.get("export") or {{}}
    print(json.dumps({{"version": 3, "deployment": deployment}}))
    sys.exit()
if words[:2] == ["stack", "output"]:
    note()
    print(json.dumps({{"team-1/ci": "[secret]"}}))
    sys.exit()
if words[:2] == ["config", "get"]:
    note()
    print("00ff" * 16)
    sys.exit()
stack = flag("--stack")
plays = json.loads((here / "play.json").read_text()).get(stack) or [{{}}]
count = here / f"count.{{stack}}"
number = int(count.read_text()) if count.exists() else 0
count.write_text(str(number + 1))
play = plays[min(number, len(plays) - 1)]
note(pid=os.getpid(), sid=os.getsid(0), stdin=os.fstat(0).st_rdev == os.stat("/dev/null").st_rdev)
if play.get("stderr"):
    print(play["stderr"], file=sys.stderr)
code = play.get("code", 0)
for line in play.get("lines", []):
    deadline = time.monotonic() + play.get("sleep", 0)
    while time.monotonic() < deadline and len(interrupts) <= play.get("deaf", 0):
        time.sleep(0.02)
    if len(interrupts) > play.get("deaf", 0):
        said = {{"severity": "error", "prefix": "error: ", "message": "update canceled"}}
        print(json.dumps({{"diagnosticEvent": said}}), flush=True)
        code = 255
        break
    print(line if isinstance(line, str) else json.dumps(line), flush=True)
if words[0] == "refresh" and not play.get("lines"):
    print(json.dumps({{"summaryEvent": {{"result": "succeeded", "resourceChanges": {{"same": 20}}}}}}), flush=True)
if play.get("die"):
    os.kill(os.getpid(), play["die"])
if not play.get("stderr"):
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    count = play.get("resources", 0 if words[0] == "destroy" else 20)
    locked(lambda states: states[stack].update(lastUpdate=now, resourceCount=count))
note(ended=True, interrupts=len(interrupts))
sys.exit(code)
"""


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:prod::p::{kind}::{name}"


def ended(op: str, kind: str, name: str, *, custom: bool = True, **sides: Any) -> dict[str, Any]:
    """The event of a step that ended well."""
    old, new = sides.get("old"), sides.get("new", {})
    metadata = {"op": op, "type": kind, "urn": urn(kind, name)}
    for side, value in (("old", old), ("new", new)):
        metadata[side] = None if value is None else {"custom": custom, **value}
    return {"resOutputsEvent": {"metadata": metadata}}


def diagnostic(severity: str, text: str, of: str = "") -> dict[str, Any]:
    return {"diagnosticEvent": {"severity": severity, "prefix": f"{severity}: ", "message": text, "urn": of}}


class FakePulumi:
    """The program, on a PATH of its own, and its back end in the project's folder."""

    def __init__(self, folder: Path, *stacks: str) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        program = self.bin / "pulumi"
        program.write_text(SCRIPT.format(python=sys.executable))
        program.chmod(0o755)
        (folder / "states.json").write_text(json.dumps({stack: {"name": stack, "lastUpdate": ""} for stack in stacks}))
        self.play({})

    def play(self, plays: dict[str, Any]) -> None:
        (self.folder / "play.json").write_text(json.dumps(plays))
        for count in self.folder.glob("count.*"):
            count.unlink()

    def calls(self, verb: str = "") -> list[dict[str, Any]]:
        """What it was called with, of this verb; each run twice, once as it begins and once as it ends."""
        path = self.folder / "calls.jsonl"
        found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [one for one in found if not verb or one["words"][0] == verb]

    def ran(self, verb: str = "up") -> list[str]:
        """Stacks in the order in which their runs began."""
        return [call["words"][call["words"].index("--stack") + 1] for call in self.calls(verb) if "pid" in call]

    def forget(self) -> None:
        (self.folder / "calls.jsonl").unlink(missing_ok=True)
