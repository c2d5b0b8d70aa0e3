"""What tests of the API leave as it was."""

from __future__ import annotations

import pytest
from django.conf import settings


@pytest.fixture(autouse=True)
def settings_kept():
    """Limits a test changes are put back."""
    kept = {name: getattr(settings, name) for name in ("API_RATE", "API_BURST", "API_MAX_BODY")}
    yield
    for name, value in kept.items():
        setattr(settings, name, value)
