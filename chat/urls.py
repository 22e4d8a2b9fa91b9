"""The addresses of asking."""

from django.urls import path

from chat import (
    assistant_try,
    assistant_views,
    private_views,
    search_views,
    share_views,
    talk_views,
    viewer_views,
    views,
)
from chat.streaming import stream

app_name = "chat"

urlpatterns = [
    path("", views.ask, name="ask"),
    path("ask", views.send, name="send"),
    path("ask/private", private_views.begin, name="private"),
    path("ask/private/answer", private_views.answer, name="private-answer"),
    path("ask/engine", views.engine, name="engine"),
    path("assistants/", assistant_views.index, name="assistants"),
    path("assistants/new", assistant_views.new, name="assistant-new"),
    path("assistants/try", assistant_try.begin, name="assistant-try"),
    path("assistants/try/answer", assistant_try.answer, name="assistant-try-answer"),
    path("assistants/<uuid:pk>", assistant_views.about, name="assistant"),
    path("assistants/<uuid:pk>/edit", assistant_views.edit, name="assistant-edit"),
    path("assistants/<uuid:pk>/access", assistant_views.access, name="assistant-access"),
    path("assistants/<uuid:pk>/archive", assistant_views.put_away, name="assistant-archive"),
    path("assistants/<uuid:pk>/delete", assistant_views.delete, name="assistant-delete"),
    path("assistants/<uuid:pk>/take", assistant_views.take, name="assistant-take"),
    path("search/", search_views.page, name="search"),
    path("search/documents", search_views.documents, name="search-documents"),
    path("conversations", views.conversations, name="conversations"),
    path("c/<uuid:pk>", views.conversation, name="conversation"),
    path("c/<uuid:pk>/rename", views.rename, name="rename"),
    path("c/<uuid:pk>/delete", views.delete, name="delete"),
    path("c/<uuid:pk>/export", talk_views.export, name="export"),
    path("c/<uuid:pk>/shares", share_views.shares, name="shares"),
    path("shared/", share_views.shared, name="shared-list"),
    path("shared/<uuid:pk>/", share_views.read, name="shared"),
    path("shared/<uuid:pk>/remove", share_views.remove, name="share-remove"),
    path("shared/<uuid:pk>/end", share_views.end, name="share-end"),
    path("answers/<uuid:pk>", views.message, name="message"),
    path("answers/<uuid:pk>/stream", stream, name="stream"),
    path("answers/<uuid:pk>/sources/<int:n>/", viewer_views.source, name="source"),
    path("passages/<uuid:pk>/", viewer_views.passage, name="passage"),
    path("passages/<uuid:pk>/marks/<int:page>", viewer_views.page_marks, name="marks"),
    path("answers/<uuid:pk>/stop", views.stop, name="stop"),
    path("answers/<uuid:pk>/again", views.again, name="again"),
    path("answers/<uuid:pk>/edit", talk_views.edit, name="edit"),
    path("answers/<uuid:pk>/show", talk_views.show, name="show"),
    path("answers/<uuid:pk>/share", share_views.share, name="share"),
    path("answers/<uuid:pk>/rate", talk_views.rate_answer, name="rate"),
]
