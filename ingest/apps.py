from django.apps import AppConfig


class IngestConfig(AppConfig):
    name = "ingest"

    def ready(self) -> None:
        # holds keeps held people; samples listens to the first administrator.
        from ingest import holds, samples  # noqa: F401
        from ingest.memories import remember_all
        from ingest.moving import erasure  # noqa: F401 (ends exports)

        remember_all()
