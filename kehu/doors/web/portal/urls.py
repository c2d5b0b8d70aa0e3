"""Addresses of the customers' door. Ids only; what a customer types is always a POST."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.portal import channels, door, ledger, notices, pages, permissions, requests, right

urlpatterns: list[URLPattern] = [
    path("portal", pages.home, name="portal"),
    path("portal/sign-in", door.sign_in, name="portal-sign-in"),
    path("portal/code", door.code, name="portal-code"),
    path("portal/fact", door.fact, name="portal-fact"),
    path("portal/sign-out", door.sign_out, name="portal-sign-out"),
    path("portal/held", pages.held, name="portal-held"),
    path("portal/confirm", pages.confirm, name="portal-confirm"),
    path("portal/allow", pages.allow, name="portal-allow"),
    path("portal/permissions", permissions.permissions, name="portal-permissions"),
    path("portal/permissions/withdraw", permissions.withdraw, name="portal-withdraw"),
    path("portal/permissions/<uuid:consent>", permissions.receipt, name="portal-receipt"),
    path("portal/permissions/<uuid:consent>/receipt.json", permissions.receipt_file, name="portal-receipt-file"),
    path("portal/asked/<uuid:consent>", permissions.asked, name="portal-asked"),
    path("portal/still-right", right.questions, name="portal-right"),
    path("portal/still-right/<uuid:task>", right.answer, name="portal-right-answer"),
    path("portal/channels", channels.channels, name="portal-channels"),
    path("portal/uses", ledger.uses, name="portal-uses"),
    path("portal/uses/<int:seq>", ledger.proof, name="portal-proof"),
    path("portal/uses/<int:seq>/proof.json", ledger.proof_file, name="portal-proof-file"),
    path("portal/check_proof.py", ledger.program, name="portal-program"),
    path("portal/requests", requests.requests, name="portal-requests"),
    path("portal/requests/<uuid:request_id>/part", requests.part, name="portal-part"),
    path("portal/notice-seen", notices.seen, name="portal-notice-seen"),
    path("portal/notice", notices.notice, name="portal-notice"),  # the same for whoever is signed in: their cookie
    path("portal/notice/<int:number>", notices.version, name="portal-notice-version"),  # goes to this door only
    path("notice", notices.notice, name="notice"),
    path("notice/<int:number>", notices.version, name="notice-version"),
]
