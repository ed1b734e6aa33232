"""Data that is not this project's to copy: in the folder that ``FOOTFALL_DATA`` names, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

__all__ = ["outside_data"]


def outside_data(name: str) -> Path:
    """Find a file of outside data; without it the test is skipped, wherever it runs."""
    folder = os.environ.get("FOOTFALL_DATA")
    if not folder:
        pytest.skip(f"FOOTFALL_DATA is not set; have it name the folder that holds {name}")
    path = Path(folder) / name
    if not path.exists():
        pytest.skip(f"{path} is missing; FOOTFALL_DATA names its folder")
    return path
