"""Addresses of the register's pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.register import notices, purposes, steps

urlpatterns: list[URLPattern] = [
    path("purposes", purposes.purposes, name="register-purposes"),
    path("purposes/<slug:slug>", purposes.purpose, name="register-purpose"),
    path("purposes/<slug:slug>/propose", purposes.propose, name="register-purpose-propose"),
    path("notices", notices.notices, name="register-notices"),
    path("notices/<slug:name>/propose", notices.propose, name="register-notice-propose"),
    path("notices/<slug:name>/<int:version>", notices.notice, name="register-notice"),
    path("changes/<uuid:change>/<slug:step>", steps.take, name="register-step"),
]
