"""Addresses of the pages on corrections; they hold ids only."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.corrections import pages

urlpatterns: list[URLPattern] = [
    path("corrections", pages.board, name="corrections"),
    path("corrections/customer", pages.find, name="corrections-find"),
    path("corrections/<uuid:subject>", pages.of_customer, name="corrections-of"),
    path("corrections/tellings/<uuid:telling_id>/letter", pages.letter, name="correction-letter"),
    path("corrections/tellings/<uuid:telling_id>", pages.close, name="correction-told"),
    path("corrections/tellings/<uuid:telling_id>/undo", pages.undo, name="correction-not-told"),
]
