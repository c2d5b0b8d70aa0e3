"""Addresses of the counter. They hold ids and secrets of one use, never a value."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.counter import contacts, desk, offline, papers, phone

urlpatterns: list[URLPattern] = [
    path("counter", desk.counter, name="counter"),
    path("counter/find", desk.find, name="counter-find"),
    path("counter/card", desk.card, name="counter-card"),
    path("counter/entries", desk.take, name="counter-take"),
    path("counter/customers/<uuid:subject>", desk.customer, name="counter-customer"),
    path("counter/customers/<uuid:subject>/phone", phone.hand, name="counter-phone"),
    path("counter/customers/<uuid:subject>/contact", contacts.contact, name="counter-contact"),
    path("counter/customers/<uuid:subject>/paper", papers.paper, name="counter-paper"),
    path("counter/papers/<uuid:consent>", papers.shown, name="counter-form"),
    path("counter/papers/<uuid:consent>/show", papers.picture, name="counter-form-picture"),
    path("counter/shell", offline.shell, name="counter-shell"),
    path("counter/worker.js", offline.worker, name="counter-worker"),
    path("counter/mark", offline.mark, name="counter-mark"),
    path("c/<str:secret>", phone.answer, name="counter-answer"),
]
