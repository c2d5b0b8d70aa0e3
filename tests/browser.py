"""The Chromium that browser tests drive. Without one they are skipped, and fail where ``CI`` is ``true``."""

from __future__ import annotations

import os

import pytest

from scripts.browser import PACKAGES, find_browser


def chromium() -> str:
    """Path of the browser."""
    found = find_browser()
    if found:
        return found
    line = f"Chromium is missing: apt-get install {' '.join(PACKAGES)}"
    if os.environ.get("CI") == "true":
        pytest.fail(line)
    pytest.skip(line)
