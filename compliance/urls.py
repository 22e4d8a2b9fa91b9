"""Addresses of the compliance officer's pages."""

from django.urls import URLPattern, URLResolver, path

from compliance.views import overview

app_name = "compliance"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", overview.overview, name="overview"),
]
