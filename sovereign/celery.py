"""Celery over Redis or valkey. Messages carry ids; work is claimed in the database."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sovereign.settings")

from django.conf import settings  # noqa: E402 (settings come first)

from audit.context import request_id  # noqa: E402

app = Celery("sovereign")
app.conf.update(
    broker_url=settings.BROKER_URL,
    result_backend=None,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
    # Without the two restore options a killed worker's task comes back after about 100 s (measured).
    broker_transport_options={
        "visibility_timeout": 3_600,
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
    },
    beat_schedule_filename=str(settings.RUN_DIR / "beat-schedule"),
    beat_schedule={
        "sweep-documents": {"task": "ingest.tasks.sweep", "schedule": 15.0},
        "sweep-answers": {"task": "chat.tasks.sweep", "schedule": 15.0},
    },
    timezone="UTC",
)
app.autodiscover_tasks(["ingest", "chat"])


@setup_logging.connect
def keep_djangos_logging(**_: Any) -> None:
    """Connected so that Celery leaves sovereign.logs in charge."""


@task_prerun.connect
def bind_task_id(task_id: str = "", **_: Any) -> None:
    request_id.set(task_id)


@task_postrun.connect
def unbind_task_id(**_: Any) -> None:
    request_id.set("")
