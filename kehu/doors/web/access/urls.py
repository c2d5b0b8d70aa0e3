"""Addresses of the access pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from kehu.doors.web.access import conditions, grants, owners, posts, roles

urlpatterns: list[URLPattern] = [
    path("access", conditions.overview, name="access"),
    path("access/agreement", conditions.agreement, name="access-agreement"),
    path("access/watching", conditions.watching, name="access-watching"),
    path("access/training/<slug:course>", conditions.course, name="access-training"),
    path("access/people/<uuid:staff>/keep", conditions.keep, name="access-keep"),
    path("access/roles", roles.roles, name="access-roles"),
    path("access/roles/propose", roles.propose, name="access-role-propose"),
    path("access/roles/<uuid:role>/<slug:step>", roles.decide, name="access-role-step"),
    path("access/owners", owners.listed, name="access-owners"),
    path("access/posts", posts.listed, name="access-posts"),
    path("access/posts/<uuid:staff>", posts.one, name="access-post"),
    path("access/posts/<uuid:staff>/<slug:step>", posts.take, name="access-post-step"),
    path("access/changes/<uuid:change>/<slug:step>", posts.decide, name="access-change-step"),
    path("access/grants", grants.listed, name="access-grants"),
    path("access/grants/ask", grants.ask, name="access-ask"),
    path("access/emergency", grants.break_glass, name="access-glass"),
    path("access/grants/<uuid:grant>", grants.one, name="access-grant"),
    path("access/grants/<uuid:grant>/<slug:step>", grants.take, name="access-grant-step"),
]
