"""Addresses of the pages of what answers cost; everybody's own stands in sovereign/urls.py."""

from django.urls import URLPattern, path

from usage import price_views, views

app_name = "usage"
urlpatterns: list[URLPattern] = [
    path("", views.overview, name="overview"),
    path("file", views.file, name="file"),
    path("prices", price_views.prices, name="prices"),
    path("prices/file", price_views.file, name="prices-file"),
    path("prices/import", price_views.import_file, name="prices-import"),
    path("prices/<uuid:pk>/remove", price_views.remove_price, name="price-remove"),
]
