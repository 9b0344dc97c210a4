"""A task is passed something that JSON cannot serialize.

Why: A queryset, request, form, open file, set or lambda makes publishing fail with EncodeError in the caller.

Bad:
    from celery import shared_task

    @shared_task
    def index(pks): ...

    def place(pks):
        index.delay({pk for pk in pks})

Good:
    from celery import shared_task

    @shared_task
    def index(pks): ...

    def place(pks):
        index.delay(sorted(pks))

Evidence: T3, F15, reproduced on 5.7: kombu's JSON handles dates, decimals and UUIDs, but none of these.

Ignore it when: your own serializer handles it.
"""

from __future__ import annotations

from collections.abc import Iterator

from djcelery.rules._arguments import custom_serializer, is_queryset
from djcelery.rules._base import Finding, Project, Site, Value, at

CODE = "DJC202"
SEVERITY = "error"
CALLS = {
    "datetime.timedelta": "a timedelta",
    "django.utils.timezone.timedelta": "a timedelta",
    "set": "a set",
    "frozenset": "a set",
    "open": "an open file",
    "io.BytesIO": "a buffer",
    "io.StringIO": "a buffer",
}


# What Celery's JSON knows and Django's tasks, which take plain JSON, do not.
NOT_PLAIN = {
    "datetime.datetime.now": "a datetime",
    "datetime.datetime": "a datetime",
    "django.utils.timezone.now": "a datetime",
    "datetime.date.today": "a date",
    "datetime.date": "a date",
    "django.utils.timezone.localdate": "a date",
    "decimal.Decimal": "a Decimal",
    "uuid.uuid4": "a UUID",
    "uuid.UUID": "a UUID",
}


def find(project: Project) -> Iterator[Finding]:
    """Yield arguments of a kind that JSON does not have."""
    for site in project.sites:
        if site.task is None or custom_serializer(project, site):
            continue
        for value in site.arguments():
            if kind := describe_unserializable(site, value):
                yield at(site.module, value, f"{site.display_name} is passed {kind}, which JSON cannot serialize")


def describe_unserializable(site: Site, value: Value) -> str:
    """Describe what JSON cannot serialize, or return an empty text."""
    resolved = value.resolved
    if is_queryset(value):
        return "a queryset"
    if resolved.kind == "set" or (resolved.kind == "comp" and resolved.name == "SetComp"):
        return "a set"
    if resolved.kind == "comp" and resolved.name == "GeneratorExp":
        return "a generator"
    if resolved.kind == "lambda":
        return "a lambda"
    if resolved.kind == "call" and resolved.name in CALLS:
        return CALLS[resolved.name]
    if resolved.kind == "call" and resolved.name in NOT_PLAIN and site.task and site.task.declared_by == "django":
        return NOT_PLAIN[resolved.name]
    if resolved.kind == "bound" and resolved.receiver is not None and resolved.receiver.name == "open":
        return "an open file"
    if value.kind == "name" and value.name in {"request", "self.request"} and is_request(site, resolved):
        return "the request"
    if (value.kind == "item" and ".FILES" in value.name) or value.name.endswith("request.FILES"):
        return "an uploaded file"
    return ""


def is_request(site: Site, resolved: Value) -> bool:
    return site.function is not None and site.in_view and resolved.kind in {"param", "name"}
