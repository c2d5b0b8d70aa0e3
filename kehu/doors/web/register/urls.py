"""Addresses of the register's pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.register import informing, notices, purposes, sources, steps

urlpatterns: list[URLPattern] = [
    path("purposes", purposes.purposes, name="register-purposes"),
    path("purposes/<slug:slug>", purposes.purpose, name="register-purpose"),
    path("purposes/<slug:slug>/propose", purposes.propose, name="register-purpose-propose"),
    path("notices", notices.notices, name="register-notices"),
    path("notices/<slug:name>/propose", notices.propose, name="register-notice-propose"),
    path("notices/<slug:name>/<int:version>", notices.notice, name="register-notice"),
    path("sources", sources.listed, name="register-sources"),
    path("sources/new", sources.propose, name="register-source-new"),
    path("sources/informing", informing.board, name="register-informing"),
    path("sources/informing/send", informing.send, name="register-informing-send"),
    path("sources/informing/posted", informing.posted, name="register-informing-posted"),
    path("sources/informing/excused", informing.excused, name="register-informing-excused"),
    path("sources/informing/<uuid:note>/undo", informing.take_back, name="register-informing-undo"),
    path("sources/of/<slug:name>", sources.one, name="register-source"),
    path("sources/of/<slug:name>/propose", sources.propose, name="register-source-propose"),
    path("sources/of/<slug:name>/stop", sources.stop, name="register-source-stop"),
    path("sources/of/<slug:name>/audit", sources.audit, name="register-source-audit"),
    path("changes/<uuid:change>/<slug:step>", steps.take, name="register-step"),
]
