"""Addresses of the access pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.access import conditions

urlpatterns: list[URLPattern] = [
    path("access", conditions.overview, name="access"),
    path("access/agreement", conditions.agreement, name="access-agreement"),
    path("access/watching", conditions.watching, name="access-watching"),
    path("access/training/<slug:course>", conditions.course, name="access-training"),
]
