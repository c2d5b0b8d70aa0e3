"""Data quality, verification, classification, corrections and traits, filled: each page in one dress, a task by keys alone."""

from __future__ import annotations

import os
import re
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kehu.govern.consent import Statement, give_consent
from kehu.guard.gate.read import gate
from kehu.guard.staff.actions import owner_actor
from kehu.host.database import Database
from kehu.refine.classify.scanning import scan
from kehu.refine.derive import actions, runs
from kehu.refine.quality import rules
from kehu.refine.quality.measure import measure
from kehu.refine.quality.texts import RuleText
from kehu.serve.corrections.actions import correct
from kehu.serve.rights.incidents import wrong_merge
from kehu.serve.upkeep import policies, queue
from kehu.serve.upkeep.models import Task
from kehu.vault.assignment import PROBABLE
from kehu.vault.ids import new_id
from tests.cast import admit, shipped_with, staff
from tests.dresses import DRESSES, looked_at
from tests.serve.holdings import add_event, link

LIN = {"external_id": "W-1", "full_name": "林婉清", "email": "lin.wanqing@mail.example", "phone": "+8613801926721"}
OURS = RuleText(
    "ours", {"en": "Mail of ours", "zh-hans": "本公司邮箱", "zh-hant": "本公司郵箱"}, "email matches '.+@mail[.]example'",
    "validity", "low", [{"email": "a@mail.example"}], [{"email": "a@other.example"}], "kind:1",
)  # fmt: skip
_IDS = re.compile(r"[0-9a-f-]{36}")
TWO = {"owner": "manager@kehu.example", "deputy": "analyst@kehu.example"}


def in_one_dress(window: Any, path: str) -> list[str]:
    """What is wrong with a page in one of the dresses; pages share all six among them. KEHU_PICTURES: a folder, for three."""
    name = _IDS.sub("one", path).strip("/").replace("/", "-").replace(":", "-")
    only = DRESSES[zlib.crc32(name.encode()) % len(DRESSES)]
    found = list[str]()
    folder = os.environ.get("KEHU_PICTURES")
    for dress in (DRESSES[0], DRESSES[3], DRESSES[4]) if folder else (only,):
        width, theme, language = dress
        window.look(width=width, theme=theme, language=language)
        answer = window.page.goto(window.site + path)
        assert answer.status == 200, (path, answer.status)
        if folder:
            where = Path(folder) / f"{name}-{width}-{theme}-{language}.png"
            window.page.screenshot(path=str(where), full_page=True)
        found += looked_at(window, f"{path} {dress}", width, searching=dress == only)
    return found


@pytest.fixture
def house(database: Database) -> dict[str, uuid.UUID]:
    """Of each something; the rest is measured, scanned and computed from it."""
    who = {role: staff(role) for role in ("manager", "analyst", "service", "marketing", "privacy")}
    owner = owner_actor()
    shipped_with(database, "marketing", recipients=["Acme"], countries=["CN"])
    lin, other, *rest = admit(
        LIN, {"external_id": "W-2", "full_name": "林婉青", "email": "qing@other.example"},
        *({"external_id": f"C{n}", "full_name": f"客户{n}", "text": "有糖尿病"} for n in range(11)),
        packs=16,
    )  # fmt: skip
    said = Statement(notice=1, way="staff")
    give_consent(lin, purpose=4, purpose_version=1, statement=said, recorded_by=owner.staff, id=new_id())
    for _ in gate().stream(
        [lin], actor=who["marketing"], purpose="marketing", use="give", recipient="Acme", country="CN"
    ):
        pass
    correct(lin, "email", "right@mail.example", reason="mistyped", actor=who["privacy"])
    link(lin, other, PROBABLE)
    gate().open([lin], actor=who["service"], purpose="service")
    incident = wrong_merge.part(lin, other, actor=owner)
    rule = rules.try_rule(rules.save_rule(OURS, **TWO, actor=who["manager"]).id, actor=who["manager"])
    rules.put_in_force(rule.id, actor=who["manager"])
    measure(actor=who["analyst"])
    scan(actor=who["privacy"])
    policies.make_policy(policies.Wanted("phone-yearly", "phone", months=12), **TWO, actor=who["manager"])
    asks = policies.make_policy(policies.Wanted("email-yearly", "email", months=12, way="portal"), **TWO, actor=owner)
    assert policies.make_task(lin, policy=asks, why="age", by=owner.human)
    queue.make_by_hand(lin, "phone", actor=who["service"], why="quality")
    for number, one in enumerate([*rest, lin] * 2):
        add_event(one, 3, {"ordered_at": "2026-01-03T10:00:00Z", "amount": "12.5", "currency": "CNY"}, number)
    actions.put_shipped_in_force(owners={"analytics": tuple(TWO.values())}, actor=owner)
    runs.compute(actor=owner)
    assert incident is not None
    return {
        "lin": lin,
        "incident": incident,
        "task": Task.objects.get(field="phone").id,
    }


def test_pages_that_hold_something_each_in_one_dress(
    visit: Callable[..., Any], post: Any, house: dict[str, uuid.UUID]
) -> None:
    window = visit()
    window.look(width=1440, theme="light", language="en")
    window.sign_in("privacy", "accuracy")
    window.go("/quality/verification")
    for key in ("j", "t"):  # down to the first, and taken
        window.page.keyboard.press(key)
    window.page.wait_for_url("**/quality/verification?done=take")
    wrong = list[str]()
    for path in (
        "/quality", "/quality/rules/ours", "/quality/rules/new", "/quality/found/completeness:email", "/quality/policies",
        f"/quality/verification/{house['task']}", "/quality/classification", "/traits/of/lifecycle",
        "/traits/rfm", "/corrections", f"/corrections/{house['lin']}",
        f"/incidents/{house['incident']}",
    ):  # fmt: skip
        wrong += in_one_dress(window, path)
    window = visit()
    window.come_in(post, "right@mail.example")  # at the customer's own door
    for path in ("/portal/still-right", "/portal/derived"):
        wrong += in_one_dress(window, path)
    assert wrong == []
