"""Addresses of classification: ids and names of fields only."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.classify import pages

urlpatterns: list[URLPattern] = [
    path("quality/classification", pages.listed, name="classify"),
    path("quality/classification/scan", pages.begin, name="classify-scan"),
    path("quality/classification/progress", pages.progress, name="classify-progress"),
    path("quality/classification/fields/<slug:field>/lower", pages.lower, name="classify-lower"),
    path("quality/classification/<uuid:finding>/decide", pages.decide, name="classify-decide"),
]
