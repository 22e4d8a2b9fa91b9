"""Addresses of the pages of golden questions and runs."""

from django.urls import URLPattern, URLResolver, path

from evaluation.views import compare, indexes, questions, results, runs, sets

app_name = "evaluation"
urlpatterns: list[URLPattern | URLResolver] = [
    path("evaluation/", sets.sets, name="sets"),
    path("evaluation/sets/new", sets.new, name="set-new"),
    path("evaluation/sets/<uuid:pk>", sets.question_set, name="set"),
    path("evaluation/sets/<uuid:pk>/change", sets.change, name="set-change"),
    path("evaluation/sets/<uuid:pk>/delete", sets.delete, name="set-delete"),
    path("evaluation/sets/<uuid:pk>/import", sets.import_page, name="import"),
    path("evaluation/sets/<uuid:pk>/export", sets.export, name="export"),
    path("evaluation/sets/<uuid:pk>/new", questions.new, name="question-new"),
    path("evaluation/sets/<uuid:pk>/run", runs.start, name="run-start"),
    path("evaluation/questions/<uuid:pk>", questions.question, name="question"),
    path("evaluation/questions/<uuid:pk>/accept", questions.accept_question, name="accept"),
    path("evaluation/questions/<uuid:pk>/delete", questions.delete, name="question-delete"),
    path("evaluation/runs/<uuid:pk>", runs.run, name="run"),
    path("evaluation/runs/<uuid:pk>/results", results.results, name="results"),
    path("evaluation/runs/<uuid:pk>/stop", runs.stop, name="run-stop"),
    path("evaluation/runs/<uuid:pk>/delete", runs.delete, name="run-delete"),
    path("evaluation/runs/<uuid:pk>/file", runs.file, name="run-file"),
    path("evaluation/runs/<uuid:pk>/compare", compare.comparison, name="compare"),
    path("evaluation/results/<uuid:pk>", results.result, name="result"),
    path("evaluation/indexes", indexes.indexes, name="indexes"),
    path("evaluation/indexes/build", indexes.build, name="index-build"),
    path("evaluation/indexes/<uuid:pk>/activate", indexes.activate, name="index-activate"),
    path("evaluation/indexes/<uuid:pk>/give-up", indexes.give_up, name="index-give-up"),
    path("answers/<uuid:pk>/suggest", questions.from_answer, name="suggest"),
]
