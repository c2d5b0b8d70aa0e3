"""Addresses of released profiles: a channel's id, and the one address that providers send browsers back to."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.released import pages

urlpatterns: list[URLPattern] = [
    path("profile/<int:channel>", pages.offer, name="released-offer"),
    path("profile/return", pages.come, name="released-return"),
]
