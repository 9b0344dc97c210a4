"""The visibility timeout cannot work as it is set.

Why: Amazon SQS allows at most 12 hours. On Redis, every worker applies its own timeout to all messages, so the
shortest timeout wins.

Bad:
    # project/settings.py
    CELERY_BROKER_URL = "sqs://"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 86400}

Good:
    # project/settings.py
    CELERY_BROKER_URL = "sqs://"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 43200}

Evidence: F55, F58; Celery's guides to SQS and Redis.

Ignore it when: never.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.project.facts import Module
from djcelery.project.running import Running
from djcelery.rules._base import Finding, Project, Value, at
from djcelery.rules._running import at_setting

CODE = "DJC512"
SEVERITY = "warning"
LONGEST = 43200
DIFFERENT = "the broker has a different visibility timeout; the shorter of the two wins"


def find(project: Project) -> Iterator[Finding]:
    """Yield strings, more than 12 hours on SQS, and different numbers in one settings module."""
    for setting in project.settings_of("broker_transport_options"):
        resolved = project.resolve(setting.module, setting.value)
        value = resolved.pairs().get("visibility_timeout")
        if value is None:
            continue
        number = project.number(setting.module, value)
        if value.kind == "const" and isinstance(value.const, str):
            yield at(setting.module, value, "the visibility timeout is a string; Celery needs a number")
        elif number is not None and number > LONGEST and project.brokers == {"sqs"}:
            yield at(setting.module, value, f"SQS allows at most {LONGEST} s")
        for results in project.settings_of("result_backend_transport_options"):
            results_value = project.resolve(results.module, results.value).pairs().get("visibility_timeout")
            if (
                results_value is not None
                and results.module is setting.module
                and differ(project, setting.module, value, results_value)
            ):
                yield at(setting.module, results_value, DIFFERENT)


def find_at_runtime(project: Project, running: Running) -> Iterator[Finding]:
    """Yield the same for the effective timeouts of the broker and of the results."""
    key = "broker_transport_options"
    value = running.options(key).get("visibility_timeout")
    results_value = running.options("result_backend_transport_options").get("visibility_timeout")
    if isinstance(value, str):
        yield at_setting(project, key, "the visibility timeout is a string; Celery needs a number")
    elif isinstance(value, int | float) and running.broker == "sqs" and value > LONGEST:
        yield at_setting(project, key, f"SQS allows at most {LONGEST} s")
    if (
        value is not None
        and results_value is not None
        and value != results_value
        and running.broker in {"redis", "rediss"}
    ):
        yield at_setting(project, "result_backend_transport_options", DIFFERENT)


def differ(project: Project, module: Module, value: Value, other_value: Value) -> bool:
    first, second = project.number(module, value), project.number(module, other_value)
    return first is not None and second is not None and first != second
