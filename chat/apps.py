from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"

    def ready(self) -> None:
        # They connect themselves.
        from chat import assistant_belongings, forgotten, memories, share_belongings  # noqa: F401
