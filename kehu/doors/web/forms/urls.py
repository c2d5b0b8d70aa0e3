"""Addresses of the builder: ids only."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.forms import building, results

urlpatterns: list[URLPattern] = [
    path("office/forms", building.forms, name="forms"),
    path("office/forms/new", building.new, name="forms-new"),
    path("office/forms/<uuid:form>", building.one, name="forms-one"),
    path("office/forms/<uuid:form>/publish", building.publish, name="forms-publish"),
    path("office/forms/<uuid:form>/results", results.results, name="forms-results"),
    path("office/forms/<uuid:form>/close", building.close, name="forms-close"),
]
