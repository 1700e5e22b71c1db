"""The Python interpreter that has the peers."""

import pathlib
import subprocess
import sys
import venv

FOLDER = pathlib.Path(__file__).resolve().parents[2] / ".venv"
PACKAGES = {"torch": "torch", "jax": "jax", "keras": "tensorflow-cpu"}


def interpreter(peers):
    """One of our own, which gets what it lacks of these peers, about 2 GB in all."""
    python = FOLDER / "bin" / "python"
    if not python.exists():
        print(f"making {FOLDER.name}", file=sys.stderr)
        venv.create(FOLDER, with_pip=True)
    for module, package in {"numpy": "numpy"} | {peer: PACKAGES[peer] for peer in peers}.items():
        found = f"import importlib.util, sys; sys.exit(not importlib.util.find_spec('{module}'))"
        if subprocess.run([python, "-c", found], check=False).returncode != 0:
            print(f"installing {package}", file=sys.stderr)
            subprocess.run([python, "-m", "pip", "install", "--quiet", package], check=False)
    return python
