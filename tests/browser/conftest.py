"""Lets the browser tests use what the notebook tests know of kernels and their ends."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "notebook"))
