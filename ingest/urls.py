"""The addresses of collections and documents."""

from django.urls import path

from ingest.views import collections, documents, erasures, manage, moving, page_pictures, sources

app_name = "ingest"

urlpatterns = [
    path("collections", collections.index, name="collections"),
    path("collections/new", collections.new, name="collection-new"),
    path("collections/unmanaged", manage.unmanaged_page, name="unmanaged"),
    path("collections/unmanaged/<uuid:pk>", manage.take, name="take-over"),
    path("collections/import", moving.imports, name="imports"),
    path("collections/<uuid:pk>/export", moving.exports, name="exports"),
    path("exports/<uuid:pk>/content", moving.content, name="export-content"),
    path("exports/<uuid:pk>/delete", moving.remove_export, name="export-delete"),
    path("imports/<uuid:pk>", moving.one_import, name="import"),
    path("imports/<uuid:pk>/confirm", moving.confirm_import, name="import-confirm"),
    path("imports/<uuid:pk>/give-up", moving.give_up_import, name="import-give-up"),
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
    path("collections/<uuid:pk>/sync", sources.index, name="sources"),
    path("collections/<uuid:pk>/sync/new", sources.new, name="source-new"),
    path("sync/<uuid:pk>", sources.source, name="source"),
    path("sync/<uuid:pk>/edit", sources.edit, name="source-edit"),
    path("sync/<uuid:pk>/run", sources.run, name="source-run"),
    path("sync/<uuid:pk>/pause", sources.pause, name="source-pause"),
    path("sync/<uuid:pk>/deletions", sources.deletions, name="source-deletions"),
    path("sync/<uuid:pk>/delete", sources.delete, name="source-delete"),
    path("sync/<uuid:pk>/items/<int:item>/take", sources.take, name="source-take"),
    path("receipts", erasures.mine, name="receipts"),
    path("receipts/<uuid:pk>", erasures.receipt, name="receipt"),
    path("receipts/<uuid:pk>/file", erasures.export, name="receipt-file"),
    path("erasures", erasures.overview, name="erasures"),
    path("erasures/now", erasures.now, name="erasures-now"),
    path("erasures/<uuid:pk>", erasures.anybodys, name="erasure"),
    path("documents/<uuid:pk>", documents.document, name="document"),
    path("documents/<uuid:pk>/state", documents.state, name="document-state"),
    path("documents/<uuid:pk>/content", documents.content, name="content"),
    path("documents/<uuid:pk>/pages/<int:page>", page_pictures.page_picture, name="page-picture"),
    path("documents/<uuid:pk>/cancel", documents.cancel, name="document-cancel"),
    path("documents/<uuid:pk>/retry", documents.retry, name="document-retry"),
    path("documents/<uuid:pk>/delete", documents.delete, name="document-delete"),
]
