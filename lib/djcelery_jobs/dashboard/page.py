"""The page for people: what the jobs are doing, what failed and why, and a place to decide about that.

It is part of the admin, with its login and its look. Everything on it is one rendered piece of HTML; a small script
fetches that piece again and puts the differences in, and without the script the page is the same, as of now.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from celery.exceptions import OperationalError
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from djcelery_jobs.dashboard import decisions, listing
from djcelery_jobs.dashboard.chart import chart
from djcelery_jobs.dashboard.health import problems
from djcelery_jobs.dashboard.state import State, last_hour, state
from djcelery_jobs.dashboard.wording import span
from djcelery_jobs.models import Watch

VIEW, REQUEUE, DISCARD = "djcelery_jobs.view_job", "djcelery_jobs.requeue_job", "djcelery_jobs.discard_job"
LATEST = 10  # dead letters on the page itself
WAITS_LONG = 300  # seconds that the oldest job of a queue may wait before the page speaks of it
# Scripts, styles and pictures come from this site and from files, and nothing else may run or be asked.
POLICY = "; ".join(
    ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"]
    + [f"{kind} 'self'" for kind in ("script-src", "style-src", "img-src", "connect-src", "form-action")]
)

View = Callable[..., HttpResponse]


class WatchAdmin(admin.ModelAdmin):
    """No list of rows: pages of its own, in the place and under the name that a list would have."""

    def get_urls(self) -> list[URLPattern]:
        pages: list[tuple[str, View, str, list[str]]] = [
            ("", self.page, "changelist", [VIEW]),
            ("now/", self.now, "now", [VIEW]),
            ("dead/", self.dead, "dead", [VIEW]),
            ("find/", self.find, "find", [VIEW]),
            ("requeue/", self.requeue, "requeue", [VIEW, REQUEUE]),
            ("discard/", self.discard, "discard", [VIEW, DISCARD]),
        ]
        return [
            path(route, self.guarded(view, needed), name=f"djcelery_jobs_watch_{name}")
            for route, view, name, needed in pages
        ]

    def guarded(self, view: View, needed: list[str]) -> View:
        """Strangers are sent to the login, people without the permissions get 403, and nothing foreign is loaded."""
        inside = self.admin_site.admin_view(view)

        @wraps(view)
        def guard(request: HttpRequest) -> HttpResponse:
            user = request.user
            if user.is_authenticated and not (user.is_staff and user.has_perms(needed)):
                raise PermissionDenied
            response = inside(request)
            response.headers["Content-Security-Policy"] = POLICY
            return response

        return guard

    def page(self, request: HttpRequest) -> HttpResponse:
        return self.rendered(request, "page", "What the jobs are doing", **self.everything())

    def now(self, request: HttpRequest) -> HttpResponse:
        """The part of the page that changes."""
        return self.rendered(request, "now", "", **self.everything())

    def dead(self, request: HttpRequest) -> HttpResponse:
        found = listing.dead(request.GET.get("older", ""))
        return self.rendered(request, "dead", "Dead letters", jobs=found.jobs, older=found.older)

    def find(self, request: HttpRequest) -> HttpResponse:
        words = request.GET.get("q", "")
        return self.rendered(request, "find", "Find a job", q=words, jobs=listing.find(words), recent=listing.RECENT)

    def requeue(self, request: HttpRequest) -> HttpResponse:
        return self.decide(request, decisions.requeue, "Send again", "sent again")

    def discard(self, request: HttpRequest) -> HttpResponse:
        return self.decide(request, decisions.discard, "Discard", "discarded")

    def everything(self) -> dict[str, Any]:
        now = state()
        return {
            "state": now,
            "problems": [*problems(now), *piling_up(now)],
            "waiting": None if now.broker != "ok" else sum(queue.waiting or 0 for queue in now.queues),
            "oldest": max((queue.oldest for queue in now.queues if queue.oldest is not None), default=None),
            "dead_count": sum(queue.dead for queue in now.queues),
            "workers_alive": sum(worker.alive for worker in now.workers),
            "charts": [chart(queue, minutes) for queue, minutes in last_hour().items()],
            "jobs": listing.dead(size=LATEST).jobs,
        }

    def decide(self, request: HttpRequest, do: Callable[..., int], title: str, done: str) -> HttpResponse:
        """First a page that asks whether these are the ones, then it is done."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        one = request.POST.get("one")
        jobs = listing.chosen([one] if one else request.POST.getlist("job"))[: listing.PAGE]
        if not jobs:
            self.message_user(request, "No dead job was chosen.", messages.WARNING)
        elif "confirmed" not in request.POST:
            return self.rendered(request, "confirm", f"{title}?", jobs=jobs, verb=title)
        else:
            self.carry_out(request, do, jobs, done)
        return redirect("admin:djcelery_jobs_watch_changelist")

    def carry_out(self, request: HttpRequest, do: Callable[..., int], jobs: Any, done: str) -> None:
        ids = [job.pk for job in jobs]
        try:
            count = do(Watch.objects.filter(pk__in=ids), user=request.user)
        except OperationalError:
            self.message_user(request, "The broker is away. Try again when it is back.", messages.ERROR)
            return
        noun = "dead job" if count == 1 else "dead jobs"
        self.message_user(request, f"{count} {noun} {done}.", messages.SUCCESS if count else messages.WARNING)

    def rendered(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        may = {"may_requeue": request.user.has_perm(REQUEUE), "may_discard": request.user.has_perm(DISCARD)}
        everywhere = self.admin_site.each_context(request) | {"title": title, "opts": self.opts} | may
        return TemplateResponse(request, f"djcelery_jobs/{template}.html", everywhere | context)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(VIEW)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(VIEW)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def piling_up(now: State) -> list[str]:
    """A sentence for each queue in which jobs wait for long."""
    return [
        f"The oldest job of the queue {queue.name} has waited for {span(queue.oldest)}. Look at what runs there; where "
        "that is sound, start more workers of the class."
        for queue in now.queues
        if queue.oldest is not None and queue.oldest > WAITS_LONG
    ]
