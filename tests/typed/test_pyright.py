import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = [Path(__file__).with_name(name) for name in ("rows.py", "service.py")]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_pyright_understands_a_program(program: Path) -> None:
    """A program of a user passes pyright in strict mode; mypy --strict checks the same file with the project."""
    pytest.importorskip("pyright", reason="pyright is not installed")
    offline = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", "NO_COLOR": "1"}
    ready = subprocess.run(
        [sys.executable, "-m", "pyright", "--version"], capture_output=True, text=True, check=False, env=offline
    )
    if ready.returncode:
        pytest.skip("pyright cannot start: it needs node, and its npm package")
    checked = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, str(program)],
        capture_output=True, text=True, check=False, env=offline,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout
