from django.apps import AppConfig


class SovereignConfig(AppConfig):
    name = "sovereign"

    def ready(self) -> None:
        from sovereign import checks, heartbeat

        checks.register()
        heartbeat.connect()
