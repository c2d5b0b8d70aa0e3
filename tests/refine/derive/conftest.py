"""What the tests of traits share: imports, staff who own traits, and traits in force."""

from __future__ import annotations

import pytest

from kehu.guard.staff.actions import actor_of, add_staff, owner_actor
from kehu.refine.derive import actions
from kehu.refine.derive.definition import Definition, shipped
from tests.collect.conftest import bring, kehu  # noqa: F401  (fixtures)


@pytest.fixture
def people(database):
    """An analyst, a manager and somebody of marketing, who own traits."""
    for role in ("analyst", "manager", "marketing"):
        add_staff(email=f"{role}@kehu.example", role=role, department=role, attest=True)
    return lambda role: actor_of(f"{role}@kehu.example")


@pytest.fixture
def in_force(people):
    """The shipped traits, in force."""
    owners = {
        "analytics": ("analyst@kehu.example", "manager@kehu.example"),
        "personalisation": ("marketing@kehu.example", "manager@kehu.example"),
    }
    assert actions.put_shipped_in_force(owners=owners, actor=owner_actor()) == len(shipped())
    return people


def definition(slug: str, expression: str, **parts) -> Definition:
    """A declaration with all it needs."""
    row = {
        "label": dict.fromkeys(("zh-hans", "zh-hant", "en"), slug), "description": dict.fromkeys(("zh-hans", "zh-hant", "en"), slug),
        "purpose": "analytics", "level": 2, "language": "sql", "expression": expression, "bands": [], "unit": "count",
        "retention_days": 365,
    }  # fmt: skip
    return Definition.of(slug, row | parts)
