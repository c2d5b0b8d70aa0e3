"""Coming in with a second factor in a real browser: passkeys with Chromium's own virtual authenticator, pictures to scan."""

from __future__ import annotations

import re
import uuid

import pytest
from django.db import connection
from django.test import override_settings

from kehu.guard.staff import provider as providers
from kehu.guard.staff.actions import SignIn, actor_of, add_staff, owner_actor
from kehu.guard.staff.second_factor import code_now
from kehu.guard.staff.sign_on import allow_sign_on
from tests.doors.account.there import CLIENT, RETURN, SECRET, running
from tests.dresses import violations


@pytest.fixture(autouse=True)
def asked_at_once():
    with override_settings(SECOND_FACTOR_FROM=""):
        yield


def _account(role: str = "service") -> SignIn:
    _, account = add_staff(email=f"{role}-{uuid.uuid4().hex[:6]}@kehu.example", role=role, department=None, attest=True)
    return account


def _password(window, account: SignIn) -> None:
    window.go("/sign-in")
    window.page.fill("#email", account.email)
    window.page.fill("#password", account.password)
    window.page.click("main button.primary")


def _age() -> None:
    with connection.cursor() as cursor:
        cursor.execute("update actor_state set second_factor_at = second_factor_at - interval '11 minutes'")


def _clean(window) -> None:
    """No violation of the page's policy, nothing wider than the window, and axe finds nothing."""
    page = window.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    assert window.wrong == []
    found = [v["id"] for v in violations(page)]
    window.wrong.clear()  # axe's own style
    assert found == [], (page.url, found)


def test_a_passkey_lets_in_and_confirms_again(visit):
    window, account = visit(), _account()
    page = window.page
    device = window.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    _password(window, account)
    page.wait_for_url("**/account/authenticator**")
    page.click("form[data-passkey=new] button")
    page.locator(".acct-codes").wait_for()
    assert page.locator(".acct-codes li").count() == 10
    page.click("main a.primary")
    page.wait_for_url("**/purpose")
    # again, from the start: the passkey is asked for, and lets in
    page.context.clear_cookies()
    _password(window, account)
    page.wait_for_url("**/account/confirm**")
    page.click("form[data-passkey=show] button")
    page.wait_for_url("**/purpose")
    # and later it confirms, and leads back to where one was
    _age()
    window.go("/account/security")
    page.click("main a[href*=confirm]")
    page.click("form[data-passkey=show] button")
    page.wait_for_url("**/account/security")
    assert page.locator("main a[href*=confirm]").count() == 0
    with connection.cursor() as cursor:
        cursor.execute("select sign_count > 0, used_at is not null from staff_passkey")
        assert cursor.fetchall() == [(True, True)]


def test_an_authenticator_without_script_by_keyboard(visit):
    window, account = visit(java_script_enabled=False), _account("privacy")
    page = window.page
    _password(window, account)
    page.wait_for_url("**/account/authenticator**")
    assert page.locator("form[data-passkey] button").is_disabled()
    page.click("summary")
    secret = re.sub(r"\s", "", page.locator(".acct-secret").inner_text())
    page.fill("#code", code_now(secret))
    page.keyboard.press("Enter")
    page.locator(".acct-codes").wait_for()
    page.click("main a.primary")
    page.wait_for_url("**/purpose")


def test_each_page_in_each_look(visit):
    window, account = visit(), _account("legal")
    page = window.page
    looks = [(1440, "light", "zh-hans"), (390, "dark", "en"), (390, "light", "zh-hant")]
    _password(window, account)
    page.wait_for_url("**/account/authenticator**")
    for width, theme, language in looks:
        window.look(width=width, theme=theme, language=language)
        window.go("/account/authenticator")
        _clean(window)
    secret = re.sub(r"\s", "", page.locator(".acct-secret").text_content())
    page.fill("#code", code_now(secret))
    page.keyboard.press("Enter")
    page.locator(".acct-codes").wait_for()
    _clean(window)
    for width, theme, language in looks:
        window.look(width=width, theme=theme, language=language)
        for path in ("/account/security", "/account/confirm"):
            window.go(path)
            _clean(window)


def test_single_sign_on_a_link_for_another_and_ones_own_password(visit, monkeypatch, tmp_path):
    window, account = visit(), _account("privacy")
    page = window.page
    add_staff(email="never@kehu.example", role="service", department=None, attest=True)
    allow_sign_on(actor_of(account.email).staff, actor=owner_actor(), allowed=True)
    (tmp_path / "secret").write_text(SECRET)
    monkeypatch.setattr(providers, "_held", {})
    looks = [(1440, "light", "zh-hans"), (390, "dark", "en"), (390, "light", "zh-hant"), (1440, "dark", "en")]
    with running() as there, override_settings(
        OIDC_ISSUER=there.issuer, OIDC_CLIENT_ID=CLIENT, OIDC_CLIENT_SECRET_FILE=str(tmp_path / "secret"),
        OIDC_SECOND_FACTOR="hwk", OIDC_NAME="Company sign-on",
    ):  # fmt: skip
        there.sits(account.email, amr=["hwk"], signed_in=-3600, **{"returns-to": window.site + RETURN})
        for width, theme, language in looks:
            window.look(width=width, theme=theme, language=language)
            window.go("/sign-in?next=/account/people")
            _clean(window)
        page.click("main a[href*=provider]")
        page.wait_for_url("**/account/people")
        for width, theme, language in looks:
            window.look(width=width, theme=theme, language=language)
            for path in ("/account/people", "/account/security", "/account/confirm"):
                window.go(path)
                _clean(window)
        # a link asks for the factor first: shown at the provider anew
        window.go("/account/people")
        page.click("form[action$=link] button")
        page.wait_for_url("**/account/confirm**")
        there.sits(account.email, amr=["hwk"])
        page.click("main a[href*=provider]")
        page.wait_for_url("**/account/people")
        page.click("form[action$=link] button")
        address = page.locator(".acct-secret").inner_text()
        assert address.startswith(window.site + "/account/password/")
        _clean(window)
        for width, theme, language in looks:
            window.look(width=width, theme=theme, language=language)
            window.go("/account/password")
            _clean(window)
    page.fill("#current", account.password)
    page.fill("#password", "violet-tram-9-umbrella")
    page.fill("#again", "violet-tram-9-umbrella")
    page.keyboard.press("Enter")
    page.wait_for_url("**/account/security?done=password")
