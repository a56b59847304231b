"""The start and the end of the stand-in language host, which every engine run waits for twice."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from sandbox.environment import launcher_script

STARTED = """
import json, sys
from sandbox.language_host_start import only_the_protocol
only_the_protocol()
import sandbox.language_host
print(json.dumps([name for name in sys.modules if name.startswith("pulumi.")]))
"""


def test_the_host_serves_and_ends_on_the_signal_of_the_engine(tmp_path: Path) -> None:
    launcher = tmp_path / "pulumi-language-python"
    launcher.write_text(launcher_script(tmp_path / "exec"))
    launcher.chmod(0o700)
    with subprocess.Popen([launcher, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        assert 0 < int(host.stdout.readline()) < 65536
        host.send_signal(signal.SIGINT)
        assert (host.stdout.read(), host.wait(timeout=60)) == ("", 0)


def test_the_host_imports_the_protocol_without_the_sdk() -> None:
    done = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, check=True)
    modules = json.loads(done.stdout)
    assert "pulumi.runtime.proto.language_pb2_grpc" in modules
    assert {"pulumi.resource", "pulumi.automation", "pulumi.runtime.stack"} & {*modules} == set()
