"""Every address of the product."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from compliance.keeping_views import own_data
from sovereign import api, browser_reports, health
from sovereign.api_docs import api_docs
from usage.views import own_usage

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("chat.urls")),
    path("", include("ingest.urls")),
    path("", include("evaluation.urls")),
    path("models/", include("fleet.urls")),
    path("usage/", include("usage.urls")),
    path("accounts/", include("accounts.urls")),
    path("accounts/data", own_data, name="own-data"),
    path("accounts/usage", own_usage, name="own-usage"),
    path("compliance/", include("compliance.urls")),
    path("browser-reports", browser_reports.browser_reports, name="browser-reports"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("api/docs", api_docs, name="api-docs"),
    path("api/v1/", api.urls()),
    re_path(r"^api/", api.nothing_here),
]
