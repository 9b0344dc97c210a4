"""Serve the jobs page in the admin: what the jobs do, what failed and why, and decisions about dead jobs.

It has the login and the look of the admin. The server renders all of it. A small script fetches the changing part
again and merges the differences; without the script, the page shows the moment when it was loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from celery.exceptions import OperationalError
from django import VERSION
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from djcelery_jobs.dashboard import decisions, listing, wording
from djcelery_jobs.dashboard.chart import chart
from djcelery_jobs.dashboard.health import problems
from djcelery_jobs.dashboard.snapshot import Snapshot, last_hour, take_snapshot
from djcelery_jobs.models import Job

VIEW, REQUEUE, DISCARD = "djcelery_jobs.view_job", "djcelery_jobs.requeue_job", "djcelery_jobs.discard_job"
LATEST = 10  # dead letters on the overview
WAITS_LONG = 300  # seconds that the oldest job of a queue may wait before the page mentions it
# Since Django 6.1 the admin's breadcrumbs are a list.
BREADCRUMBS_ARE_A_LIST = VERSION >= (6, 1)
# Scripts, styles and images come from this site and from files. Nothing else may run or be requested.
POLICY = "; ".join(
    ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"]
    + [f"{kind} 'self'" for kind in ("script-src", "style-src", "img-src", "connect-src", "form-action")]
)

View = Callable[..., HttpResponse]


class OverviewAdmin(admin.ModelAdmin):
    """Serve pages of its own in the place where the admin has a list of rows."""

    def get_urls(self) -> list[URLPattern]:
        pages: list[tuple[str, View, str, list[str]]] = [
            ("", self.overview, "changelist", [VIEW]),
            ("now/", self.now, "now", [VIEW]),
            ("dead/", self.dead_letters, "dead", [VIEW]),
            ("find/", self.find, "find", [VIEW]),
            ("requeue/", self.requeue, "requeue", [VIEW, REQUEUE]),
            ("discard/", self.discard, "discard", [VIEW, DISCARD]),
        ]
        return [
            path(route, self.guarded(view, permissions), name=f"djcelery_jobs_overview_{name}")
            for route, view, name, permissions in pages
        ]

    def guarded(self, view: View, permissions: list[str]) -> View:
        """Send strangers to the login, answer 403 to people without the permissions, and load nothing foreign."""
        admin_view = self.admin_site.admin_view(view)

        @wraps(view)
        def guard(request: HttpRequest) -> HttpResponse:
            user = request.user
            if user.is_authenticated and not (user.is_staff and user.has_perms(permissions)):
                raise PermissionDenied
            response = admin_view(request)
            response.headers["Content-Security-Policy"] = POLICY
            return response

        return guard

    def overview(self, request: HttpRequest) -> HttpResponse:
        return self.render(request, "overview", "Overview", **overview_context())

    def now(self, request: HttpRequest) -> HttpResponse:
        """Render the part of the overview that changes."""
        return self.render(request, "now", "", **overview_context())

    def dead_letters(self, request: HttpRequest) -> HttpResponse:
        older = request.GET.get("older", "")
        page = listing.dead_letters(older)
        return self.render(request, "dead", "Dead letters", jobs=page.jobs, older=page.older, newest=not older)

    def find(self, request: HttpRequest) -> HttpResponse:
        words = request.GET.get("q", "")
        return self.render(request, "find", "Find a job", q=words, jobs=listing.find(words), recent=listing.RECENT)

    def requeue(self, request: HttpRequest) -> HttpResponse:
        return self.decide(request, decisions.requeue, "Send again", "sent again")

    def discard(self, request: HttpRequest) -> HttpResponse:
        return self.decide(request, decisions.discard, "Discard", "discarded")

    def decide(self, request: HttpRequest, decision: Callable[..., int], verb: str, past: str) -> HttpResponse:
        """Ask for confirmation, then carry the decision out and return to the page where it was taken."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        back = return_url(request.POST.get("back", ""))
        one = request.POST.get("one")
        jobs = listing.dead_jobs([one] if one else request.POST.getlist("job"))[: listing.PAGE]
        if not jobs:
            self.message_user(request, "No dead job was selected.", messages.WARNING)
        elif "confirmed" not in request.POST:
            return self.render(request, "confirm", f"{verb}?", jobs=jobs, verb=verb, back=back)
        else:
            self.carry_out(request, decision, jobs, past)
        return redirect(back)

    def carry_out(self, request: HttpRequest, decision: Callable[..., int], jobs: Any, past: str) -> None:
        ids = [job.pk for job in jobs]
        try:
            count = decision(Job.objects.filter(pk__in=ids), user=request.user)
        except OperationalError:
            self.message_user(request, wording.BROKER_AWAY, messages.ERROR)
            return
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, f"{wording.dead_jobs(count)} {past}.", level)

    def render(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        overview = reverse(OVERVIEW)
        shared = {
            "title": title,
            "opts": self.opts,
            "back": request.get_full_path(),
            "breadcrumbs_are_a_list": BREADCRUMBS_ARE_A_LIST,
            "overview_url": "" if request.path == overview else overview,
            "may_requeue": request.user.has_perm(REQUEUE),
            "may_discard": request.user.has_perm(DISCARD),
        }
        site = self.admin_site.each_context(request)
        return TemplateResponse(request, f"djcelery_jobs/{template}.html", site | shared | context)

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


OVERVIEW = "admin:djcelery_jobs_overview_changelist"
# The pages on which somebody can take a decision.
DECIDED_ON = [OVERVIEW, "admin:djcelery_jobs_overview_dead", "admin:djcelery_jobs_overview_find"]


def return_url(url: str) -> str:
    """Return the page, with its query, on which a decision was taken. Any other URL becomes the overview."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return reverse(OVERVIEW)
    if parts.scheme or parts.netloc or parts.path not in map(reverse, DECIDED_ON):
        return reverse(OVERVIEW)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def overview_context() -> dict[str, Any]:
    """Return what the template of the overview shows."""
    snapshot = take_snapshot()
    return {
        "snapshot": snapshot,
        "problems": [*problems(snapshot), *backlogs(snapshot)],
        "waiting": None if snapshot.broker != "ok" else sum(queue.waiting or 0 for queue in snapshot.queues),
        "oldest": max((queue.oldest for queue in snapshot.queues if queue.oldest is not None), default=None),
        "dead_count": sum(queue.dead for queue in snapshot.queues),
        "workers_alive": sum(worker.alive for worker in snapshot.workers),
        "charts": [chart(queue, minutes) for queue, minutes in last_hour().items()],
        "jobs": listing.dead_letters(size=LATEST).jobs,
    }


def backlogs(snapshot: Snapshot) -> list[str]:
    """Return a sentence for each queue in which jobs have waited for long."""
    return [
        f"The oldest job in the queue {queue.name} has waited for {wording.span(queue.oldest)}. Check what its workers "
        "do. If they are fine, start more of them."
        for queue in snapshot.queues
        if queue.oldest is not None and queue.oldest > WAITS_LONG
    ]
