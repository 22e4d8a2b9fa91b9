"""Addresses of holds, retention and persons' data. `urlpatterns` are officers' (compliance/)."""

from django.urls import path

from compliance import keeping_views

urlpatterns = [
    path("holds", keeping_views.holds_page, name="holds"),
    path("holds/<uuid:pk>/release", keeping_views.hold_release, name="hold-release"),
    path("retention", keeping_views.retention_page, name="retention"),
    path("retention/apply", keeping_views.retention_apply, name="retention-apply"),
    path("person", keeping_views.person_page, name="person"),
]
