"""The addresses of collections and documents."""

from django.urls import path

from ingest.views import collections, documents, manage, page_pictures

app_name = "ingest"

urlpatterns = [
    path("collections", collections.index, name="collections"),
    path("collections/new", collections.new, name="collection-new"),
    path("collections/unmanaged", manage.unmanaged_page, name="unmanaged"),
    path("collections/unmanaged/<uuid:pk>", manage.take, name="take-over"),
    path("collections/<uuid:pk>", collections.collection, name="collection"),
    path("collections/<uuid:pk>/upload", collections.upload_files, name="upload"),
    path(
        "collections/<uuid:pk>/documents/cancel",
        collections.cancel_documents,
        name="documents-cancel",
    ),
    path(
        "collections/<uuid:pk>/documents/retry",
        collections.retry_documents,
        name="documents-retry",
    ),
    path("collections/<uuid:pk>/settings", manage.settings_page, name="collection-settings"),
    path("collections/<uuid:pk>/grants", manage.change_grant, name="grants"),
    path("collections/<uuid:pk>/delete", manage.delete, name="collection-delete"),
    path("documents/<uuid:pk>", documents.document, name="document"),
    path("documents/<uuid:pk>/state", documents.state, name="document-state"),
    path("documents/<uuid:pk>/content", documents.content, name="content"),
    path("documents/<uuid:pk>/pages/<int:page>", page_pictures.page_picture, name="page-picture"),
    path("documents/<uuid:pk>/cancel", documents.cancel, name="document-cancel"),
    path("documents/<uuid:pk>/retry", documents.retry, name="document-retry"),
    path("documents/<uuid:pk>/delete", documents.delete, name="document-delete"),
]
