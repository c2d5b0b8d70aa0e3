"""Addresses of the offices' pages; they hold ids only."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.office import authorities, holding, incidents, requests, withholding

urlpatterns: list[URLPattern] = [
    path("requests", requests.board, name="requests"),
    path("requests/open", requests.open_one, name="request-open"),
    path("requests/<uuid:request_id>", requests.one, name="request"),
    path("requests/<uuid:request_id>/<slug:step>", requests.take, name="request-step"),
    path("requests/<uuid:request_id>/parts/<uuid:part_id>", requests.part, name="request-part"),
    path("incidents", incidents.board, name="incidents"),
    path("incidents/open", incidents.open_one, name="incident-open"),
    path("incidents/<uuid:incident>", incidents.one, name="incident"),
    path("incidents/<uuid:incident>/<slug:step>", incidents.take, name="incident-step"),
    path("authorities", authorities.board, name="authorities"),
    path("authorities/register", authorities.register, name="authority-register"),
    path("authorities/<uuid:demand>", authorities.one, name="authority"),
    path("authorities/<uuid:demand>/document", authorities.document, name="authority-document"),
    path("authorities/<uuid:demand>/<slug:step>", authorities.take, name="authority-step"),
    path("holds", holding.board, name="held"),
    path("holds/<uuid:certificate>/<slug:step>", holding.take, name="held-step"),
    path("ledger/withheld", withholding.board, name="ledger-withheld"),
    path("ledger/withheld/<uuid:withholding>/<slug:step>", withholding.take, name="ledger-withheld-step"),
]
