"""Addresses of the site. They hold ids only: a search with a value is a POST."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from django.views.i18n import set_language

from kehu.doors.web import errors, sign_in

urlpatterns: list[URLPattern | URLResolver] = [
    path("", sign_in.home, name="home"),
    path("sign-in", sign_in.sign_in_page, name="sign-in"),
    path("sign-out", sign_in.sign_out_now, name="sign-out"),
    path("purpose", sign_in.purpose, name="purpose"),
    path("me", sign_in.me, name="me"),
    path("language", set_language, name="language"),
    path("theme", sign_in.set_theme, name="theme"),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.failed
