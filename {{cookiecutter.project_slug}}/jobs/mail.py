"""Failures by mail to ADMINS, where that is switched on: few enough to be read."""

import hashlib
import logging

from django.core.cache import cache
from django.core.mail import mail_admins

PAUSE = 15 * 60  # seconds without a second mail about the same failure


class Seldom(logging.Filter):
    """Let a record pass when none like it has passed in the last PAUSE seconds, in any process with the same cache."""

    def filter(self, record: logging.LogRecord) -> bool:
        what = [record.name, str(record.msg), str(getattr(record, "task", "")), str(getattr(record, "error", ""))]
        key = "jobs-mail-" + hashlib.sha256("\0".join(what).encode()).hexdigest()
        try:
            return cache.add(key, 1, PAUSE)
        except Exception:  # noqa: BLE001  without a cache, one mail too many is better than none
            return True


class MailHandler(logging.Handler):
    """Mail the formatted line, which is scrubbed. Django's own handler mails all settings with it, URLs included."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
            mail_admins(" ".join(text.partition("\n")[0].split())[:200], text, fail_silently=True)
        except Exception:  # noqa: BLE001  a log line must not fail what it is about
            self.handleError(record)
