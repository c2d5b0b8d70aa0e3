"""What leaves the house, and a trial of policies, walked: asked, let go, traced and cancelled, in every dress and by keyboard."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import connection
from django.test import override_settings

from kehu.guard.staff.actions import add_staff, owner_actor
from kehu.host.database import Database
from kehu.host.paths import policies_dir
from kehu.serve.assurance import trials
from kehu.serve.assurance.models import PolicyTrial
from kehu.serve.leaving import tokens
from kehu.serve.leaving.canary import canary_of
from tests.cast import admit, shipped_with
from tests.dresses import DRESSES, in_every_dress, looked_at

RECIPIENT = "Druckhaus & Söhne Verlagsgesellschaft mbH"
SHUT = (
    (policies_dir() / "house.cedar")
    .read_text(encoding="utf-8")
    .replace('principal.role == "service" &&', 'principal.role == "nobody" &&')
)


def people(database: Database) -> list[uuid.UUID]:
    shipped_with(database, "service", recipients=[RECIPIENT, "Print House"], countries=["DE", "JP"])
    return admit(*({"full_name": f"P{n}", "email": f"p{n}@mail.example"} for n in range(3)), packs=2)


def pictured(window: Any, name: str) -> None:
    """Where somebody wants to look at the pages themselves: KEHU_PICTURES names a folder."""
    if folder := os.environ.get("KEHU_PICTURES"):
        for width, theme, language in DRESSES:
            window.look(width=width, theme=theme, language=language)
            window.page.reload()
            window.page.wait_for_load_state("networkidle")
            window.page.screenshot(path=str(Path(folder) / f"{name}-{width}-{theme}-{language}.png"), full_page=True)


def test_a_list_is_asked_for_by_the_keyboard_and_let_go(visit: Callable[..., Any], database: Database) -> None:
    people(database)
    service, office = visit(), visit()
    service.sign_in("service", "service")
    office.sign_in("privacy")
    wrong = in_every_dress(service, "/exports")
    pictured(service, "exports-form")
    with override_settings(EXPORT_ALONE=2):
        service.go("/exports")
        service.page.locator("#recipient").focus()
        service.page.keyboard.press("Tab")
        assert service.page.evaluate("document.activeElement.id") == "kind"
        service.page.locator("#ask summary").press("Enter")
        service.page.locator("input[value='email']").press("Space")
        service.page.locator("#ask button.primary").press("Enter")
        service.page.wait_for_url("**/exports/0*")
        path = service.page.url.removeprefix(service.site).partition("#")[0]
        wrong += in_every_dress(office, path)
        pictured(office, "export-decide")
        service.go(path)
        office.go(path)
        office.page.locator("#e-approve").press("Enter")
        office.page.locator(".note-box .cmd").wait_for()
        service.page.locator("#export .cmd").wait_for()  # it says so by itself
        wrong += in_every_dress(service, path)
        pictured(service, "export-ready")
        with connection.cursor() as cursor:
            cursor.execute("update leaving set ran_at = clock_timestamp(), rows = 1")
        wrong += in_every_dress(service, path)
        pictured(service, "export-running")
        service.go(path)
        service.page.locator("#e-again").focus()
        with connection.cursor() as cursor:
            cursor.execute("update leaving set rows = 2")
        service.page.locator("#export [role=status] p", has_text="2 ").wait_for()
        assert service.page.evaluate("document.activeElement.id") == "e-again"  # the part renewed itself under it
    assert wrong == []


def test_programs_outside_and_a_file_found(visit: Callable[..., Any], database: Database, tmp_path: Path) -> None:
    people(database)
    made, _ = add_staff(email="li@kehu.example", role="service", department=None, attest=True)
    options = {"email": made.email, "purpose": "service", "minutes": 30, "country": "DE", "recipient_kind": "processor"}
    _, held = tokens.issue(issued_by=owner_actor(), recipient=RECIPIENT, **options)
    _, over = tokens.issue(issued_by=owner_actor(), recipient="Print House", **options)
    office = visit()
    office.sign_in("privacy", "complaints")
    tokens.decide(over.id, actor=owner_like(), approve=False)
    wrong = in_every_dress(office, "/exports")
    pictured(office, "exports-tokens")
    office.page.locator(f"[id='t{held.id}'] summary").press("Enter")
    office.page.fill(f"[id='n{held.id}']", "900")
    office.page.locator(f"[id='t{held.id}'] button.primary").press("Enter")
    office.page.wait_for_load_state("networkidle")
    assert tokens.token_of(held.id).most == 900
    _, values = canary_of(held.id, ("email",))
    (tmp_path / "found.csv").write_text(f"mail\n{values['email']}\n")
    office.page.set_input_files("#file", str(tmp_path / "found.csv"))
    office.page.locator("#trace button").press("Enter")
    office.page.locator("#trace .copies").wait_for()
    for width, theme, language in ((1440, "light", "zh-hans"), (390, "dark", "en")):
        office.look(width=width, theme=theme, language=language)
        office.go("/exports")
        office.page.set_input_files("#file", str(tmp_path / "found.csv"))
        office.page.locator("#trace button").press("Enter")
        office.page.locator("#trace .copies").wait_for()
        wrong += looked_at(office, f"traced {width} {theme}", width)
        if folder := os.environ.get("KEHU_PICTURES"):
            office.page.screenshot(
                path=str(Path(folder) / f"exports-traced-{width}-{theme}-{language}.png"), full_page=True
            )
    assert wrong == []


def owner_like() -> Any:
    """Somebody of the legal office."""
    from kehu.guard.staff.actions import actor_of

    made, _ = add_staff(email="legal@kehu.example", role="legal", department=None, attest=True)
    return actor_of(made.email)


def test_a_trial_is_waited_for_cancelled_and_read(visit: Callable[..., Any], database: Database) -> None:
    [first, *_] = people(database)
    service, office = visit(), visit()
    service.sign_in("service", "service")
    service.go(f"/customers/{first}")
    office.sign_in("privacy")
    for ending in ("cancelled", "done"):
        office.go("/policies")
        office.page.locator("#replay details summary").press("Enter")
        # as pasted: typed line by line, as `fill` does it, a thousand lines take the browser ten seconds
        office.page.eval_on_selector("#text", "(field, text) => { field.value = text; }", SHUT)
        office.page.locator("#replay button.primary").press("Enter")
        office.page.wait_for_url("**/policies/trials/*")
        path = office.page.url.removeprefix(office.site).partition("#")[0]
        wrong = in_every_dress(office, path) if ending == "done" else []
        PolicyTrial.objects.filter(state="waiting").update(state="running", decided=300, decisions=1000)
        pictured(office, "trial-running")
        office.go(path)
        office.page.locator("#trial-cancel").focus()
        office.page.wait_for_timeout(1_300)
        assert office.page.evaluate("document.activeElement.id") == "trial-cancel"  # renewed under it
        if ending == "cancelled":
            office.page.keyboard.press("Enter")
        else:
            trials.run(uuid.UUID(path.rpartition("/")[2]))  # as the job does; a loop of its own runs in this thread
        office.page.locator("#trial:not([hx-get])").wait_for()  # it says so by itself
        wrong += in_every_dress(office, path)
        pictured(office, f"trial-{ending}")
        assert wrong == []
    office.go("/policies")
    pictured(office, "policies")
