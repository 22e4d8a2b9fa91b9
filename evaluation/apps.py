from django.apps import AppConfig


class EvaluationConfig(AppConfig):
    name = "evaluation"

    def ready(self) -> None:
        from evaluation import belongings, erasure, moving  # noqa: F401 (they connect themselves)
