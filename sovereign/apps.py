from django.apps import AppConfig


class SovereignConfig(AppConfig):
    name = "sovereign"

    def ready(self) -> None:
        from sovereign import checks, workersignals

        checks.register()
        workersignals.connect()
