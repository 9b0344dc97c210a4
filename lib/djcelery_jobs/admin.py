"""The jobs in the admin: look at any, send dead ones again or give them up. Nobody edits a row by hand.

The page of what they are doing right now is in watch/page.py.
"""

from typing import Any

from celery.exceptions import OperationalError
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from djcelery_jobs.dashboard import decisions
from djcelery_jobs.dashboard.page import WatchAdmin
from djcelery_jobs.dashboard.wording import arguments
from djcelery_jobs.models import Job, Watch
from djcelery_jobs.telemetry.redaction import scrub

admin.site.register(Watch, WatchAdmin)


class QueueFilter(admin.SimpleListFilter):
    """The declared queues. Asking the table which there are would read all of it."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in settings.WORKLOADS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(queue=self.value()) if self.value() else queryset


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):
    list_display = ["created_at", "task", "queue", "state", "attempts", "starts", "scrubbed_error", "dispatched_by"]
    list_filter = ["state", QueueFilter]
    search_fields = ["=id", "task__startswith"]
    show_full_result_count = False
    actions = ["requeue", "discard"]
    exclude = ["args", "kwargs", "subject", "message_id", "error", "traceback"]
    readonly_fields = ["arguments", "scrubbed_error", "scrubbed_traceback"]

    @admin.action(description="Send again", permissions=["requeue"])
    def requeue(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        try:
            self._done(request, "sent again", decisions.requeue(jobs, user=request.user))
        except OperationalError:
            self.message_user(request, "The broker is away. Try again when it is back.", messages.ERROR)

    @admin.action(description="Discard", permissions=["discard"])
    def discard(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        self._done(request, "discarded", decisions.discard(jobs, user=request.user))

    def _done(self, request: HttpRequest, what: str, count: int) -> None:
        self.message_user(request, f"{count} dead jobs {what}.", messages.SUCCESS if count else messages.WARNING)

    # Without what looks secret: not everybody who may see jobs may see what is in them.
    @admin.display
    def arguments(self, job: Job) -> str:
        return arguments(job)

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
