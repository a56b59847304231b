"""The ambient plugin for `pulumi package add` from this folder or from Git, in the environment of requirements.txt."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ambient_components.provider.__main__ import main

if __name__ == "__main__":
    main()
