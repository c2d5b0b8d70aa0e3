"""Addresses of operation; they hold nothing."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.system import pages

urlpatterns: list[URLPattern] = [
    path("system", pages.system, name="system"),
    path("system/findings", pages.findings, name="system-findings"),
]
