"""Addresses of the pages of traits. They hold names of traits, which name nobody."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.traits import catalogue, declaring, own

urlpatterns: list[URLPattern] = [
    path("traits", catalogue.listed, name="traits"),
    path("traits/rfm", catalogue.rfm, name="traits-rfm"),
    path("traits/new", declaring.new, name="trait-new"),
    path("traits/check", declaring.check, name="trait-check"),
    path("traits/compute", catalogue.compute, name="traits-compute"),
    path("traits/of/<slug:slug>", catalogue.one, name="trait"),
    path("traits/of/<slug:slug>/change", declaring.change, name="trait-change"),
    path("traits/of/<slug:slug>/retire", declaring.retire, name="trait-retire"),
    path("portal/derived", own.derived, name="portal-derived"),
    path("portal/derived/object", own.object_to, name="portal-derived-object"),
]
