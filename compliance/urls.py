"""Addresses of the compliance officer's pages."""

from django.urls import URLPattern, URLResolver, path

from compliance import keeping_urls
from compliance.views import access, evidence, overview, record

app_name = "compliance"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", overview.overview, name="overview"),
    path("fingerprint", overview.fingerprint, name="fingerprint"),
    path("key.pem", overview.key, name="key"),
    path("verify_report.py", overview.verifier, name="verifier"),
    path("prove", evidence.prove, name="prove"),
    path("reports", evidence.make, name="report-make"),
    path("reports/<slug:pk>", evidence.report, name="report"),
    path("reports/<slug:pk>/file", evidence.report_file, name="report-file"),
    path("reports/<slug:pk>/pdf", evidence.report_pdf, name="report-pdf"),
    path("reports/<slug:pk>/bill", evidence.report_bill, name="report-bill"),
    path("record", record.record, name="record"),
    path("record/export", record.export_record, name="export"),
    path("record/verify", record.verify, name="verify"),
    path("record/<uuid:pk>", record.entry, name="entry"),
    path("timeline", record.timeline, name="timeline"),
    path("access", access.questions, name="access"),
    *keeping_urls.urlpatterns,
]
