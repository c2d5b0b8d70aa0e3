"""Addresses of the visitors' pages: ids and signed links only; what somebody types is always a POST."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.visit import confirming, forms, letters, signals

urlpatterns: list[URLPattern] = [
    path("forms/<uuid:form>", forms.form, name="visit-form"),
    path("forms/<uuid:form>/embed", forms.embedded, name="visit-form-embed"),
    path("forms/confirm/<str:link>", confirming.confirm, name="visit-confirm"),
    path("letters/<str:link>", letters.letters, name="visit-letters"),
    path("letters/<str:link>/stop", letters.stop, name="visit-stop"),
    path(".well-known/gpc.json", signals.gpc, name="visit-gpc"),
]
