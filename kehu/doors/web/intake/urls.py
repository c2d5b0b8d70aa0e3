"""Addresses of the pages of what comes in. They hold numbers of channels and ids of what was refused."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.intake import channels, lists, quarantine

urlpatterns: list[URLPattern] = [
    path("channels", channels.listed, name="channels"),
    path("channels/new", channels.make, name="channel-new"),
    path("channels/<int:number>", channels.one, name="channel"),
    path("channels/<int:number>/terms", channels.terms, name="channel-terms"),
    path("channels/<int:number>/key", channels.key, name="channel-key"),
    path("channels/<int:number>/trust", channels.trusted, name="channel-trust"),
    path("channels/<int:number>/secret", channels.secret, name="channel-secret"),
    path("channels/<int:number>/mailbox", channels.mailbox, name="channel-mailbox"),
    path("channels/<int:number>/mapping", channels.mapping, name="channel-mapping"),
    path("lists", lists.listed, name="lists"),
    path("lists/send", lists.send, name="list-send"),
    path("lists/<uuid:bringing_id>", lists.one, name="list"),
    path("lists/<uuid:bringing_id>/progress", lists.progress, name="list-progress"),
    path("lists/<uuid:bringing_id>/in-force", lists.put_in_force, name="list-in-force"),
    path("lists/<uuid:bringing_id>/give-up", lists.give_up, name="list-give-up"),
    path("quarantine", quarantine.listed, name="quarantine"),
    path("quarantine/rows/<uuid:row>", quarantine.one, name="quarantine-row"),
    path("quarantine/rows/<uuid:row>/mend", quarantine.mend, name="quarantine-mend"),
    path("quarantine/<int:number>/<slug:how>/<str:reason>", quarantine.group, name="quarantine-group"),
    path("quarantine/<int:number>/<slug:how>/<str:reason>/again", quarantine.again, name="quarantine-again"),
    path("quarantine/<int:number>/<slug:how>/<str:reason>/let-go", quarantine.let_go, name="quarantine-let-go"),
]
