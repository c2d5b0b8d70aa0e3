"""What a page may cost: decided once, and as many statements for many customers as for one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kehu.guard.gate import quotas
from kehu.guard.gate.decisions import Decisions
from kehu.guard.installation import HeldRules
from tests.cast import admit
from tests.doors.web.browsing import signed_in, text_of

pytestmark = pytest.mark.usefixtures("database")


def test_a_page_of_customers_who_stand_differently_is_decided_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for age, packs in ((5, 1), (0, 1), (5, 2), (0, 4)):
        admit({"full_name": f"客户{age}{packs}"}, age=age, packs=packs)
    desk, _ = signed_in("service", "service")
    assert text_of(desk.get("/customers")).count('<td class="a-main">') == 4
    decided, store = [], Decisions.store

    def counted(self: Decisions, *given: Any) -> bytes:
        decided.append(given)
        return store(self, *given)

    monkeypatch.setattr(Decisions, "store", counted)
    assert desk.get("/customers").status_code == 200
    assert decided == []


def test_as_many_statements_for_many_customers_as_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HeldRules, "follow", lambda _: None)  # a look once a second, whatever the page
    # one part for both pages, and a look for a newer quota each ten seconds
    monkeypatch.setattr(quotas, "_FREE_PART", 1_000)
    monkeypatch.setattr(quotas.Leases, "_heed", lambda _: None)
    admit({"full_name": "客户一"})
    desk, _ = signed_in("service", "service")
    desk.get("/customers")
    with CaptureQueriesContext(connection) as one:
        desk.get("/customers")
    admit(*({"full_name": f"客户{n}"} for n in range(24)))
    desk.get("/customers")
    with CaptureQueriesContext(connection) as many:
        desk.get("/customers")
    assert len(many) == len(one)
