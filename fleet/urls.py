"""Addresses of the models pages."""

from django.urls import URLPattern, path

from fleet import views

app_name = "fleet"
urlpatterns: list[URLPattern] = [
    path("", views.shelf, name="shelf"),
    path("add", views.add, name="add"),
    path("rollback", views.rollback, name="rollback"),
    path("jobs/<uuid:pk>", views.job, name="job"),
    path("jobs/<uuid:pk>/stop", views.stop, name="stop"),
    path("model/<str:name>", views.model, name="model"),
    path("model/<str:name>/verify", views.verify, name="verify"),
    path("model/<str:name>/measure", views.measure, name="measure"),
    path("model/<str:name>/try", views.try_it, name="try"),
    path("model/<str:name>/activate", views.activate, name="activate"),
    path("model/<str:name>/remove", views.remove, name="remove"),
]
