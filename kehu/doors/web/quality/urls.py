"""Addresses of the pages of data quality. They hold names of rules and checks, and ids."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.quality import arrivals, board, policies, rules, verify

urlpatterns: list[URLPattern] = [
    path("quality", board.board, name="quality"),
    path("quality/measure", board.measure, name="quality-measure"),
    path("quality/progress", board.progress, name="quality-progress"),
    path("quality/found/<str:check>", board.found, name="quality-found"),
    path("quality/found/<str:check>/task", board.task, name="quality-found-task"),
    path("quality/rules", rules.listed, name="quality-rules"),
    path("quality/rules/new", rules.new, name="quality-rule-new"),
    path("quality/rules/<slug:slug>", rules.one, name="quality-rule"),
    path("quality/rules/<slug:slug>/step", rules.step, name="quality-rule-step"),
    path("quality/verification", verify.queue_page, name="verification"),
    path("quality/verification/<uuid:task>", verify.one, name="verification-task"),
    path("quality/verification/<uuid:task>/step", verify.step, name="verification-step"),
    path("customers/<uuid:subject>/bounce", arrivals.note, name="customer-bounce"),
    path("quality/policies", policies.listed, name="verification-policies"),
    path("quality/policies/retire", policies.retire, name="verification-retire"),
]
