"""The page of quotas, and the page that says one is spent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kehu.doors.web.watch import quotas as page_of_quotas
from kehu.govern.quotas import Quota
from kehu.guard.gate import quotas
from kehu.guard.gate.quotas import Leases
from kehu.guard.gate.read import gate
from tests.cast import admit
from tests.doors.web.browsing import signed_in, text_of


def test_one_is_set_by_the_form_and_its_end_is_said(database, monkeypatch):
    monkeypatch.setattr(quotas, "shipped_quotas", lambda: {("service", "opened"): Quota(240, 1200)})
    gate()._quotas = Leases()
    [lin] = admit({"full_name": "Lin"})
    office, _ = signed_in("privacy")
    asked = {"role": "service", "meter": "opened", "purpose": "", "hour": "2", "day": "9", "do": "set"}
    wrong = office.post("/watch/quotas", asked | {"day": "1"})
    assert wrong.status_code == 422 and 'value="2"' in text_of(wrong)  # what was typed stays
    many = office.post("/watch/quotas", asked | {"day": "99999999999"})
    assert many.status_code == 422 and 'value="99999999999"' in text_of(many)
    with monkeypatch.context() as patch:  # where no page looks at it, it is the database that cannot keep it
        patch.setattr(page_of_quotas, "MOST", 10**30)
        more = office.post("/watch/quotas", asked | {"day": "99999999999"}, HTTP_ACCEPT_LANGUAGE="en")
    assert more.status_code == 422 and "too large" in text_of(more)
    assert office.post("/watch/quotas", asked, follow=True).status_code == 200
    agent, _ = signed_in("service")
    agent.post("/purpose", {"purpose": "service"})
    answers = [agent.get(f"/customers/{lin}") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert 0 < int(answers[2]["Retry-After"]) <= 3600 and "house.quota" in text_of(answers[2])
    again = datetime.now(UTC) + timedelta(seconds=int(answers[2]["Retry-After"]) + 59)
    assert "暂时不能" in text_of(answers[2]) and f"{again:%H:%M}</dd>" in text_of(answers[2])
    page = text_of(office.get("/watch/quotas"))
    assert "service-" in page and "已用完" in page
    assert office.post("/watch/quotas", asked | {"do": "back"}, follow=True).status_code == 200
    assert agent.get(f"/customers/{lin}").status_code == 200
    auditor, _ = signed_in("auditor")
    assert auditor.post("/watch/quotas", asked).status_code == 403
    gate()._quotas = Leases()
