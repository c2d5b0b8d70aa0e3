"""Addresses of the pages of the watch. They hold numbers of alerts and cases, which name nobody."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.watch import alerts, cases, figures, marks, own, quotas, steps

urlpatterns: list[URLPattern] = [
    path("watch", alerts.queue, name="watch"),
    path("watch/alerts/<int:number>", alerts.one, name="watch-alert"),
    path("watch/alerts/<int:number>/take", alerts.take, name="watch-alert-take"),
    path("watch/alerts/<int:number>/dismiss", alerts.dismiss, name="watch-alert-dismiss"),
    path("watch/cases", cases.listed, name="watch-cases"),
    path("watch/cases/open", cases.open_one, name="watch-case-open"),
    path("watch/cases/<int:number>", cases.one, name="watch-case"),
    path("watch/cases/<int:number>/link", steps.link, name="watch-case-link"),
    path("watch/cases/<int:number>/<slug:step>", steps.take, name="watch-case-step"),
    path("watch/figures", figures.figures, name="watch-figures"),
    path("watch/marks", marks.marks, name="watch-marks"),
    path("watch/quotas", quotas.quotas, name="watch-quotas"),
    path("watch/own", own.listed, name="watch-own"),
    path("watch/own/<int:number>", own.one, name="watch-own-case"),
    path("watch/answer/<str:secret>", own.by_link, name="watch-answer"),
]
