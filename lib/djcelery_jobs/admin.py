"""The jobs in the admin: people look at them, send dead ones again or discard them. Nobody edits a row by hand.

The jobs page is in dashboard/page.py.
"""

from typing import Any

from celery.exceptions import OperationalError
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from djcelery_jobs.dashboard import decisions, wording
from djcelery_jobs.dashboard.page import OverviewAdmin
from djcelery_jobs.models import Job, Overview, State
from djcelery_jobs.telemetry.redaction import scrub

admin.site.register(Overview, OverviewAdmin)


class ChoiceFilter(admin.SimpleListFilter):
    """Filter by a column that has one of a few values, and refuse any other value."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.values().items())

    def values(self) -> dict[str, str]:
        """Return the label of each value."""
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        value = self.value()
        if value is None:
            return queryset
        if value not in self.values():
            raise IncorrectLookupParameters(f"{self.parameter_name}={value!r}")
        return queryset.filter(**{str(self.parameter_name): value})


class StateFilter(ChoiceFilter):
    """Filter by state."""

    title = parameter_name = "state"

    def values(self) -> dict[str, str]:
        return dict(State.choices)


class QueueFilter(ChoiceFilter):
    """Filter by the declared queues. A query for the queues in the table would read all of it."""

    title = parameter_name = "queue"

    def values(self) -> dict[str, str]:
        return {name: name for name in settings.WORKLOADS}


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):
    """List the jobs and show one of them."""

    list_display = ["created_at", "task", "queue", "state", "attempts", "starts", "scrubbed_error", "dispatched_by"]
    list_filter = [StateFilter, QueueFilter]
    search_fields = ["=id", "task__startswith"]
    ordering = ["-created_at", "-id"]
    show_full_result_count = False
    actions = ["requeue", "discard"]
    exclude = ["args", "kwargs", "options", "subject", "message_id", "error", "traceback"]
    exclude += ["earlier_runs", "return_value"]
    readonly_fields = ["arguments", "publish_options", "scrubbed_error", "scrubbed_traceback"]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuse every lookup in the URL but the filters: `?error__startswith=` would reveal what the pages hide."""
        return lookup in {StateFilter.parameter_name, QueueFilter.parameter_name}

    @admin.action(description="Send again", permissions=["requeue"])
    def requeue(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        try:
            self._report(request, decisions.decide("requeue", jobs, user=request.user), "sent again")
        except OperationalError:
            self.message_user(request, wording.BROKER_AWAY, messages.ERROR)

    @admin.action(description="Discard", permissions=["discard"])
    def discard(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        self._report(request, decisions.decide("discard", jobs, user=request.user), "discarded")

    def _report(self, request: HttpRequest, count: int, past: str) -> None:
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, f"{wording.dead_jobs(count)} {past}.", level)

    # Without secrets: not everybody who may see jobs may see everything in them.
    @admin.display
    def arguments(self, job: Job) -> str:
        return wording.arguments(job)

    @admin.display
    def publish_options(self, job: Job) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in scrub(job.options).items())

    @admin.display(description="error")
    def scrubbed_error(self, job: Job) -> str:
        return scrub(job.error)

    @admin.display(description="traceback")
    def scrubbed_traceback(self, job: Job) -> str:
        return format_html("<pre>{}</pre>", scrub(job.traceback, length=len(job.traceback)))

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("djcelery_jobs.requeue_job")

    def has_discard_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("djcelery_jobs.discard_job")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        return False
