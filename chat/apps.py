from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"

    def ready(self) -> None:
        from chat import assistant_belongings, share_belongings  # noqa: F401 (they connect themselves)
