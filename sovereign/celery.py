"""Celery over Redis or valkey. Messages carry ids; work is claimed in the database."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sovereign.settings")

from audit.context import request_id

app = Celery("sovereign")
# By name, so that it is read at first use: settings import this package while they are made.
app.config_from_object("sovereign.celeryconfig")
app.autodiscover_tasks(
    [
        "audit",
        "accounts",
        "ingest",
        "chat",
        "compliance",
        "evaluation",
        "fleet",
        "usage",
        "sovereign",
    ]
)
app.autodiscover_tasks(["compliance"], related_name="keeping_tasks")


@setup_logging.connect
def keep_djangos_logging(**_: Any) -> None:
    """Connected so that Celery leaves sovereign.logs in charge."""


@task_prerun.connect
def bind_task_id(task_id: str = "", **_: Any) -> None:
    request_id.set(task_id)


@task_postrun.connect
def unbind_task_id(**_: Any) -> None:
    request_id.set("")
