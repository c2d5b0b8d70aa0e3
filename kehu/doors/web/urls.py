"""Addresses of the site. They hold ids only: a search with a value is a POST."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from kehu.doors.web import (
    authorisations,
    customers,
    errors,
    exports,
    imports,
    inquiry,
    laws,
    ledger,
    policies,
    record,
    sign_in,
    why,
)
from kehu.doors.web.intake import wizard

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include("kehu.doors.api.urls")),  # first: a program's question is not held against every page
    path("", sign_in.home, name="home"),
    path("sign-in", sign_in.sign_in_page, name="sign-in"),
    path("sign-out", sign_in.sign_out_now, name="sign-out"),
    path("purpose", sign_in.purpose, name="purpose"),
    path("me", sign_in.me, name="me"),
    path("language", set_language, name="language"),
    path("theme", sign_in.set_theme, name="theme"),
    path("customers", customers.customers, name="customers"),
    path("customers/search", customers.search_customers, name="customers-search"),
    path("customers/<uuid:subject>", record.customer, name="customer"),
    path("customers/<uuid:subject>/timeline", record.timeline, name="customer-timeline"),
    path("customers/<uuid:subject>/show", record.show_field, name="customer-show"),
    path("customers/<uuid:subject>/match", record.match, name="customer-match"),
    path("customers/<uuid:subject>/why", why.why_page, name="customer-why"),
    path("customers/<uuid:subject>/consent", record.change_consent, name="customer-consent"),
    path("customers/<uuid:subject>/separate", record.separate, name="customer-separate"),
    path("customers/<uuid:subject>/subscription", authorisations.subscription, name="customer-subscription"),
    path("customers/<uuid:subject>/consents/<uuid:consent>", authorisations.receipt_page, name="customer-receipt"),
    path(
        "customers/<uuid:subject>/consents/<uuid:consent>.json",
        authorisations.receipt_file,
        name="customer-receipt-file",
    ),
    path("customers/<uuid:subject>/state", record.change_state, name="customer-state"),
    path("imports", imports.imports, name="imports"),
    path("imports/upload", imports.upload, name="import-upload"),
    path("imports/new/<uuid:staged>", wizard.new_import, name="import-new"),
    path("imports/new/<uuid:staged>/mend", wizard.mend, name="import-mend"),
    path("imports/new/<uuid:staged>/let-go", wizard.let_go, name="import-let-go"),
    path("imports/<uuid:import_id>", imports.one_import, name="import"),
    path("imports/<uuid:import_id>/progress", imports.progress, name="import-progress"),
    path("imports/<uuid:import_id>/stop", imports.stop, name="import-stop"),
    path("imports/<uuid:import_id>/go-on", imports.go_on, name="import-go-on"),
    path("imports/<uuid:import_id>/undo", imports.undo_import, name="import-undo"),
    path("imports/<uuid:import_id>/refused", imports.export_refused, name="import-refused"),
    path("ledger", ledger.ledger, name="ledger"),
    path("ledger/inquiry", inquiry.inquiry, name="ledger-inquiry"),
    path("laws", laws.laws, name="laws"),
    path("policies", policies.policies, name="policies"),
    path("policies/replay", policies.replay, name="policies-replay"),
    path("policies/trials/<uuid:trial>", policies.trial, name="policies-trial"),
    path("policies/trials/<uuid:trial>/progress", policies.progress, name="policies-trial-progress"),
    path("policies/trials/<uuid:trial>/cancel", policies.cancel, name="policies-trial-cancel"),
    path("exports", exports.exports, name="exports"),
    path("exports/ask", exports.ask, name="exports-ask"),
    path("exports/trace", exports.trace, name="exports-trace"),
    path("exports/<uuid:export>", exports.export, name="export"),
    path("exports/<uuid:export>/progress", exports.progress, name="export-progress"),
    path("exports/<uuid:export>/decide", exports.decide, name="export-decide"),
    path("exports/tokens/<uuid:token>/decide", exports.decide_token, name="export-token-decide"),
    path("ledger/verify", ledger.verify_now, name="ledger-verify"),
    path("ledger/<int:seq>/proof", ledger.proof, name="ledger-proof"),
    path("", include("kehu.doors.web.portal.urls")),
    path("", include("kehu.doors.web.register.urls")),
    path("", include("kehu.doors.web.access.urls")),
    path("", include("kehu.doors.web.office.urls")),
    path("", include("kehu.doors.web.corrections.urls")),
    path("", include("kehu.doors.web.account.urls")),
    path("", include("kehu.doors.web.watch.urls")),
    path("", include("kehu.doors.web.visit.urls")),
    path("", include("kehu.doors.web.released.urls")),
    path("", include("kehu.doors.web.forms.urls")),
    path("", include("kehu.doors.web.counter.urls")),
    path("", include("kehu.doors.web.intake.urls")),
    path("", include("kehu.doors.web.classify.urls")),
    path("", include("kehu.doors.web.system.urls")),
    path("", include("kehu.doors.web.quality.urls")),
    path("", include("kehu.doors.web.traits.urls")),
    path("", include("kehu.doors.web.review.urls")),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.failed
