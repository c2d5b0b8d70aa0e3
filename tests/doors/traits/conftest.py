"""The customers' door, for what a customer sees of traits."""

from __future__ import annotations

from tests.doors.portal.conftest import post, visitor  # noqa: F401  (fixtures)
