"""Which task a log line belongs to."""

import logging

from celery import current_task


class TaskFilter(logging.Filter):
    """Put `task_id` and `task_name` on every record; "-" outside a task. It belongs on a handler, not on a logger."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = current_task.request if current_task else None
        record.task_id = (request and request.id) or "-"
        record.task_name = current_task.name if record.task_id != "-" else "-"
        return True
