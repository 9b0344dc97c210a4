"""Mail failures to ADMINS, where that is switched on: few enough to be read."""

import hashlib
import logging
import sys

from django.core.cache import cache
from django.core.mail import mail_admins

from djcelery_jobs.conf import jobs_settings

# Other lines at this level are not failures, such as the line of a probe when the database is down.
FAILURES = ("task_failure", "request_failed")


class OncePerPause(logging.Filter):
    """Let one failure of a kind pass per FAILURE_MAIL_PAUSE seconds, in all processes that share the cache."""

    def filter(self, record: logging.LogRecord) -> bool:
        event = record.msg["event"] if isinstance(record.msg, dict) else record.msg
        if event not in FAILURES:
            return False
        kind = record.exc_info[0] if record.exc_info else sys.exc_info()[0]
        failure = (event, getattr(record, "task", ""), getattr(record, "error", ""), kind and kind.__qualname__)
        key = f"jobs-mail-{hashlib.sha256(repr(failure).encode()).hexdigest()}"
        try:
            return cache.add(key, 1, jobs_settings.FAILURE_MAIL_PAUSE)
        except Exception:  # noqa: BLE001  without a cache, one mail too many is better than none
            return True


class MailHandler(logging.Handler):
    """Mail the formatted, redacted line. Django's own handler mails all settings with it, URLs included."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
            mail_admins(" ".join(text.partition("\n")[0].split())[:200], text)
        except Exception:  # noqa: BLE001  a log line must not fail what it is about
            self.handleError(record)
