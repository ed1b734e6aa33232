"""A visitor of the documents' own kind, and URLs taken apart."""

from __future__ import annotations

import pytest

from footfall.identity.visitor import Visitor

DEVICE = "0e2d9a2c-6a1c-4f0e-9d53-4b6a0f6f5d11"
SESSION = "7c4f1f6e-2a44-4b0e-8f7e-1d2c3b4a5968"


@pytest.fixture
def visitor() -> Visitor:
    """A visitor with a device and a session, known to YOOCHOOSE by the device, and not logged in."""
    return Visitor(device_id=DEVICE, session_id=SESSION, anonymous_id=DEVICE)
