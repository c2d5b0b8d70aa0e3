"""Addresses of the account pages. The one of a link to a new password carries its secret, which is good once."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.account import factors, password, people, sessions, sign_on

urlpatterns: list[URLPattern] = [
    path("account/security", sessions.security, name="account-security"),
    path("account/sessions/end", sessions.end, name="account-sessions-end"),
    path("account/confirm", factors.confirm, name="account-confirm"),
    path("account/authenticator", factors.authenticator, name="account-authenticator"),
    path("account/codes", factors.codes, name="account-codes"),
    path("account/passkeys", factors.passkey, name="account-passkeys"),
    path("account/passkeys/options", factors.options, name="account-passkey-options"),
    path("account/factors/remove", factors.remove, name="account-factor-remove"),
    path("account/password", password.change, name="account-own-password"),
    path("account/provider", sign_on.confirm, name="account-provider"),
    path("account/people", people.listed, name="account-people"),
    path("account/people/<uuid:staff>/link", people.link, name="account-link"),
    path("account/people/<uuid:staff>/sign-on", people.allow, name="account-allow"),
    path("sign-in/provider", sign_on.start, name="sign-on"),
    path("sign-in/provider/return", sign_on.come, name="sign-on-return"),
    path("sign-in/provider/logout", sign_on.logout, name="sign-on-logout"),
    path("account/password/<str:secret>", password.new_password, name="account-password"),
]
