"""What the tests of traits share: imports, staff who own traits, and traits in force."""

from __future__ import annotations

from uuid import UUID

import orjson
import pytest
from django.db import connection

from kehu.govern import consent as consents
from kehu.guard.staff.actions import actor_of, add_staff, owner_actor
from kehu.refine.derive import actions, runs
from kehu.refine.derive.definition import Definition, shipped
from kehu.vault.ids import new_id
from tests.collect import conftest as importing

bring, kehu = importing.bring, importing.kehu

MARKS = ("Zqxvann", "13800006721", "zqxvann@mail.example")
CUSTOMERS = (
    "external_id,full_name,email,phone\nK1,Zqxvann Lee,zqxvann@mail.example,13800006721\nK2,Bob Wu,bob@mail.example,\n"
)
HEAD = "order_id,external_id,ordered_at,amount,currency,product,order_status\n"
# somebody typed into the goods, the state, the currency and the amount what does not belong there
ORDERS = [
    "A1,K1,2026-01-02 10:30,12.50,CNY,green tea for Zqxvann Lee 13800006721,paid\n",
    "A2,K1,2026-01-03,3,CNY,zqxvann@mail.example,Zqxvann called\n",
    "A3,K2,2026-01-03,5,Zqxvann,cup,\n",
    "A4,K2,2026-02-03,13800006721,USD,cup,\n",
    "A5,K1,2026-03-01 22:10,700,USD,CD,Cancelled\n",
]
TALKS = "external_id,at,kind,topic,text\nK1,2026-01-02 10:00,Zqxvann,zqxvann@mail.example,call 13800006721\n"
AU = ("--residence", "AU")


def rows(query: str, *values: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, list(values))
        return cursor.fetchall()


def everything() -> dict[UUID, dict]:
    """Every value that stands, by customer."""
    found: dict[UUID, dict] = {}
    for customer, held in rows('select customer, "values"::text from derive_value order by purpose'):
        found.setdefault(customer, {}).update(orjson.loads(held))
    return found


def customers() -> list[UUID]:
    return [row[0] for row in rows("select subject from subject_state where not hidden order by subject")]


def agree(subject: UUID, purpose: int) -> None:
    consents.give_consent(
        subject, purpose=purpose, purpose_version=1, recorded_by=owner_actor().staff, id=new_id(),
        statement=consents.Statement(way="counter", notice=1),
    )  # fmt: skip


def anew() -> dict[UUID, dict]:
    runs.compute(actor=owner_actor())
    return everything()


@pytest.fixture
def people(database):
    """An analyst, a manager and two of marketing, who own traits."""
    for who, role in {
        "analyst": "analyst",
        "manager": "manager",
        "marketing": "marketing",
        "campaigns": "marketing",
    }.items():
        add_staff(email=f"{who}@kehu.example", role=role, department=role, attest=True)
    return lambda role: actor_of(f"{role}@kehu.example")


@pytest.fixture
def in_force(people):
    """The shipped traits, in force."""
    owners = {
        "analytics": ("analyst@kehu.example", "manager@kehu.example"),
        "personalisation": ("marketing@kehu.example", "campaigns@kehu.example"),
    }
    assert actions.put_shipped_in_force(owners=owners, actor=owner_actor()) == len(shipped())
    return people


@pytest.fixture
def there(bring, in_force):
    """Two Australian customers with orders and a call, one of whom agreed to personalisation; nothing is computed yet."""
    bring(CUSTOMERS, *AU)
    bring(HEAD + "".join(ORDERS), "--kind", "orders", *AU)
    bring(TALKS, "--kind", "interactions", *AU)
    agree(customers()[0], 5)
    return in_force


def definition(slug: str, expression: str, **parts) -> Definition:
    """A declaration with all it needs."""
    row = {
        "label": dict.fromkeys(("zh-hans", "zh-hant", "en"), slug), "description": dict.fromkeys(("zh-hans", "zh-hant", "en"), slug),
        "purpose": "analytics", "level": 2, "language": "sql", "expression": expression, "bands": [], "unit": "count",
        "retention_days": 365,
    }  # fmt: skip
    return Definition.of(slug, row | parts)
