"""How Celery runs. Messages carry ids; work is claimed in the database."""

from django.conf import settings

broker_url = settings.BROKER_URL
result_backend = None
task_ignore_result = True
task_serializer = "json"
accept_content = ["json"]
task_acks_late = True
task_reject_on_worker_lost = True
worker_prefetch_multiplier = 1
worker_hijack_root_logger = False
worker_send_task_events = False
broker_connection_retry_on_startup = True
# Without the two restore options a killed worker's task comes back after about 100 s (measured).
broker_transport_options = {
    "visibility_timeout": 3_600,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
}
beat_schedule_filename = str(settings.RUN_DIR / "beat-schedule")
beat_schedule = {
    "seal-record": {"task": "audit.tasks.seal", "schedule": 10.0},
    "sweep-documents": {"task": "ingest.tasks.sweep", "schedule": 15.0},
    "prove-erasures": {"task": "ingest.tasks.nightly", "schedule": 900.0},
    "sync-sources": {"task": "ingest.tasks.sync_due", "schedule": 30.0},
    "sweep-answers": {"task": "chat.tasks.sweep", "schedule": 15.0},
    "sweep-runs": {"task": "evaluation.tasks.sweep", "schedule": 15.0},
    "sweep-models": {"task": "fleet.tasks.sweep", "schedule": 15.0},
    "tidy-runs": {"task": "evaluation.tasks.tidy", "schedule": 3_600.0},
    "tidy-usage": {"task": "usage.tasks.tidy", "schedule": 3_600.0},
    "purge": {"task": "compliance.keeping.purge", "schedule": 3_600.0},
    "collect-browser-reports": {
        "task": "sovereign.tasks.collect_browser_reports",
        "schedule": 60.0,
    },
    # Every minute it asks whether a proof or a report is due: SOVEREIGN_PROVE_MINUTES, _REPORT_DAYS.
    "prove": {"task": "compliance.tasks.prove", "schedule": 60.0},
    "tidy-accounts": {"task": "accounts.tasks.tidy", "schedule": 3_600.0},
}
timezone = "UTC"
