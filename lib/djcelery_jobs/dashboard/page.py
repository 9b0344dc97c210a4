"""Serve the jobs pages in the admin: what the jobs do, what failed and why, and decisions about all of that.

They have the login and the look of the admin. The server renders all of it. A small script fetches the changing part
of the overview again and merges the differences; without the script, it shows the moment when it was loaded.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from celery import current_app
from celery.exceptions import OperationalError
from django import VERSION
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

import djcelery_jobs
from djcelery_jobs.beat.entries import run_entry
from djcelery_jobs.conf import jobs_settings
from djcelery_jobs.core import dead_letters
from djcelery_jobs.core.selection import STATES, JobFilter, state_of
from djcelery_jobs.dashboard import decisions, listing, task_report, wording
from djcelery_jobs.dashboard.chart import Chart, chart
from djcelery_jobs.dashboard.decisions import ACTIONS, PAUSE, VIEW
from djcelery_jobs.dashboard.health import problems
from djcelery_jobs.dashboard.snapshot import Snapshot, last_hour, last_hours, take_snapshot
from djcelery_jobs.models import BulkAction, HeldMessage, Job, Pause, PauseKind
from djcelery_jobs.telemetry.redaction import scrub

DEAD = JobFilter(state="dead")
LATEST = 10  # dead letters on the overview
BULK_SHOWN = 5  # bulk actions on the overview
BULK_SHOWN_FOR = timedelta(hours=1)  # after their end
RUNS_SHOWN = 3  # next runs of a schedule entry
WAITS_LONG = 300  # seconds that the oldest job of a queue may wait before the page mentions it
RUN = ACTIONS["run"].permission
REQUEUE = ACTIONS["requeue"].permission
# Since Django 6.1 the admin's breadcrumbs are a list.
BREADCRUMBS_ARE_A_LIST = VERSION >= (6, 1)
# Scripts, styles and images come from this site and from files. Nothing else may run or be requested.
POLICY = "; ".join(
    ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"]
    + [f"{kind} 'self'" for kind in ("script-src", "style-src", "img-src", "connect-src", "form-action")]
)
NAME = "admin:djcelery_jobs_overview"
# The pages of the navigation.
SECTIONS = {"changelist": "Overview", "jobs": "Jobs", "tasks": "Tasks", "failures": "Failures", "schedule": "Schedule"}

View = Callable[..., HttpResponse]


class OverviewAdmin(admin.ModelAdmin):
    """Serve pages of its own in the place where the admin has a list of rows."""

    def get_urls(self) -> list[URLPattern]:
        pages: list[tuple[str, View, str, list[str]]] = [
            ("", self.overview, "changelist", [VIEW]),
            ("now/", self.now, "now", [VIEW]),
            ("jobs/", self.jobs, "jobs", [VIEW]),
            ("jobs/<uuid:pk>/", self.job, "job", [VIEW]),
            ("jobs/<uuid:pk>/edit/", self.edit, "edit", [VIEW, REQUEUE]),
            ("tasks/", self.tasks, "tasks", [VIEW]),
            ("failures/", self.failures, "failures", [VIEW]),
            ("schedule/", self.schedule, "schedule", [VIEW]),
            ("dead/", self.dead_letters, "dead", [VIEW]),
            ("find/", self.find, "find", [VIEW]),
            ("pause/", self.pause, "pause", [VIEW, PAUSE]),
            ("run-entry/", self.run_entry, "run_entry", [VIEW, RUN]),
        ]
        pages += [
            (f"{action.name}/", self.decider(action), action.name, [VIEW, action.permission])
            for action in ACTIONS.values()
        ]
        return [
            path(route, self.guarded(view, permissions), name=f"djcelery_jobs_overview_{name}")
            for route, view, name, permissions in pages
        ]

    def guarded(self, view: View, permissions: list[str]) -> View:
        """Send strangers to the login, answer 403 to people without the permissions, and load nothing foreign."""
        admin_view = self.admin_site.admin_view(view)

        @wraps(view)
        def guard(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            user = request.user
            if user.is_authenticated and not (user.is_staff and user.has_perms(permissions)):
                raise PermissionDenied
            response = admin_view(request, **kwargs)
            response.headers["Content-Security-Policy"] = POLICY
            return response

        return guard

    # -- What there is to see

    def overview(self, request: HttpRequest) -> HttpResponse:
        return self.render(request, "overview", "Overview", **overview_context(request))

    def now(self, request: HttpRequest) -> HttpResponse:
        """Render the part of the overview that changes."""
        return self.render(request, "now", "", **overview_context(request))

    def jobs(self, request: HttpRequest) -> HttpResponse:
        """List the jobs that match the filter in the URL."""
        return self.list_jobs(request, request.GET.dict())

    def list_jobs(self, request: HttpRequest, texts: dict[str, str]) -> HttpResponse:
        """List the jobs that match a filter."""
        older, error = request.GET.get("older", ""), ""
        try:
            selection = JobFilter.parse(texts)
        except ValueError as problem:
            selection, error = JobFilter(), str(problem)
        page = listing.page(selection, older)
        return self.render(
            request,
            "jobs_page",
            "Jobs",
            selection=selection,
            filter=texts,
            filter_error=error,
            query=urlencode(selection.as_texts()),
            states=list(STATES),
            queues=list(settings.WORKLOADS),
            task_names=task_names(),
            rows=decisions.rows(page.jobs, request.user),
            older=page.older,
            searched_until=page.searched_until,
            newest=not older,
            for_all=[
                action for action in decisions.allowed(request.user) if selection.state in action.states and page.jobs
            ],
        )

    def job(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show one job: what it is, its life, what caused it and what it caused."""
        job = Job.objects.filter(pk=pk).first()
        if job is None:
            raise Http404(f"No job has the id {pk}. Finished jobs are deleted after some days.")
        [row] = decisions.rows([job], request.user)
        context = job.options.get("context", {}) if isinstance(job.options, dict) else {}
        request_id = scrub(context.get("request_id", ""))
        return self.render(
            request,
            "job",
            job.task,
            job=job,
            row=row,
            state_name=state_of(job),
            life=listing.life(job),
            relatives=listing.relatives(job),
            request_id=request_id,
            log_url=jobs_settings.LOG_URL.replace("{id}", quote(str(request_id or job.pk), safe="")),
            traceback=scrub(job.traceback, length=len(job.traceback)),
            may_edit=state_of(job) == "dead" and request.user.has_perm(REQUEUE),
        )

    def tasks(self, request: HttpRequest) -> HttpResponse:
        """Show what each task did in the last hour, day or week."""
        period = request.GET.get("period", "hour")
        period = period if period in task_report.PERIODS else "hour"
        paused = set(Pause.objects.filter(kind=PauseKind.TASK).values_list("name", flat=True))
        report = task_report.report(period)
        return self.render(
            request,
            "tasks",
            "Tasks",
            report=report,
            period=period,
            periods=list(task_report.PERIODS),
            paused=paused,
            idle_paused=sorted(paused - {line.task for line in report}),
        )

    def failures(self, request: HttpRequest) -> HttpResponse:
        """Show the dead jobs in groups that failed alike."""
        groups, are_more = listing.failures()
        may = [action for action in decisions.allowed(request.user) if "dead" in action.states]
        return self.render(
            request, "failures", "Failures", groups=groups, are_more=are_more, may=may, grouped=listing.GROUPED
        )

    def schedule(self, request: HttpRequest) -> HttpResponse:
        """Show the entries of the schedule."""
        return self.render(request, "schedule", "Schedule", snapshot=take_snapshot(runs=RUNS_SHOWN))

    def dead_letters(self, request: HttpRequest) -> HttpResponse:
        return self.list_jobs(request, DEAD.as_texts())

    def find(self, request: HttpRequest) -> HttpResponse:
        return self.list_jobs(request, {"text": request.GET.get("q", "")})

    # -- What can be decided

    def decider(self, action: decisions.Action) -> View:
        """Return a view that asks for confirmation, then carries the action out and returns to where it was taken."""

        def view(request: HttpRequest) -> HttpResponse:
            if request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            back = return_url(request.POST.get("back", ""))
            if "all" in request.POST:
                return self.decide_on_all(request, action, back)
            one = request.POST.get("one")
            jobs = listing.selected([one] if one else request.POST.getlist("job"))[: listing.PAGE]
            jobs = [job for job in jobs if state_of(job) in action.states]
            if not jobs:
                states = " or ".join(action.states)
                self.message_user(request, f"No {states} job was selected.", messages.WARNING)
            elif "confirmed" not in request.POST:
                return self.render(request, "confirm", f"{action.verb}?", jobs=jobs, action=action, back=back)
            else:
                self.carry_out(request, action, jobs)
            return redirect(back)

        return view

    def carry_out(self, request: HttpRequest, action: decisions.Action, jobs: list[Job]) -> None:
        try:
            count = decisions.decide(
                action.name, Job.objects.filter(pk__in=[job.pk for job in jobs]), user=request.user
            )
        except OperationalError:
            self.message_user(request, wording.BROKER_AWAY, messages.ERROR)
            return
        states = {state_of(job) for job in jobs}
        word = states.pop() if len(states) == 1 else ""
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, f"{wording.jobs(count, word)} {action.past}.", level)

    def decide_on_all(self, request: HttpRequest, action: decisions.Action, back: str) -> HttpResponse:
        """Ask once, with the count, then leave every job that matches to beat."""
        try:
            selection = JobFilter.parse(request.POST)
        except ValueError as error:
            self.message_user(request, str(error), messages.ERROR)
            return redirect(back)
        if "confirmed" not in request.POST:
            return self.render(
                request,
                "confirm_all",
                f"{action.for_all}?",
                action=action,
                back=back,
                selection=selection,
                texts=selection.as_texts(),
                count=listing.count(action.name, selection),
                counted=listing.COUNTED,
            )
        expected = int(request.POST["expected"]) if request.POST.get("expected", "").isdecimal() else 0
        decisions.decide_on_all(action.name, selection, min(expected, listing.COUNTED), user=request.user)
        self.message_user(request, f"{action.for_all}: beat does it in batches. The overview shows the progress.")
        return redirect(back)

    def edit(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Send a dead job again with other arguments, as a new job."""
        job = Job.objects.filter(pk=pk).first()
        if job is None:
            raise Http404(f"No job has the id {pk}.")
        page = reverse(f"{NAME}_job", args=[pk])
        shown = {"args": json.dumps(scrub(job.args), indent=2), "kwargs": json.dumps(scrub(job.kwargs), indent=2)}
        hides = scrub(job.args) != job.args or scrub(job.kwargs) != job.kwargs
        error = ""
        if request.method == "POST":
            shown = {name: request.POST.get(name, "") for name in shown}
            try:
                args, kwargs = call_of(shown["args"], shown["kwargs"])
                new_id = dead_letters.send_again_with(job, args, kwargs, by=str(request.user))
            except OperationalError:
                error = wording.BROKER_AWAY
            except (TypeError, ValueError) as problem:
                error = scrub(str(problem))
            else:
                self.log_change(request, job, f"Sent again with other arguments, as {new_id}.")
                self.message_user(request, f"Sent again as {new_id}.", messages.SUCCESS)
                new_page = reverse(f"{NAME}_job", args=[new_id])
                return redirect(new_page if Job.objects.filter(pk=new_id).exists() else page)
        return self.render(
            request,
            "edit",
            "Send again with other arguments",
            job=job,
            shown=shown,
            hides=hides,
            error=error,
            page=page,
        )

    def pause(self, request: HttpRequest) -> HttpResponse:
        """Pause or resume a queue, a task or an entry."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        for verb, decision, past in (("pause", decisions.pause, "paused"), ("resume", decisions.resume, "resumed")):
            kind, _, name = request.POST.get(verb, "").partition(":")
            if kind not in (PauseKind.QUEUE, PauseKind.TASK, PauseKind.ENTRY) or not name:
                continue
            try:
                changed = decision(kind, name, user=request.user)
            except ValueError as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                words = f"The {kind} {name} {'is' if changed else 'was already'} {past}."
                self.message_user(request, words, messages.SUCCESS if changed else messages.WARNING)
        return redirect(return_url(request.POST.get("back", "")))

    def run_entry(self, request: HttpRequest) -> HttpResponse:
        """Send an entry of the schedule now."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        name = request.POST.get("entry", "")
        try:
            job = run_entry(name, by=str(request.user))
        except OperationalError:
            self.message_user(request, wording.BROKER_AWAY, messages.ERROR)
        except (TypeError, ValueError) as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.message_user(request, f"{name} was sent as the job {job.id}.", messages.SUCCESS)
        return redirect(return_url(request.POST.get("back", "")))

    # -- Around that

    def render(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        sections = [(reverse(f"{NAME}_{name}"), words) for name, words in SECTIONS.items()]
        # A page that asks for confirmation belongs to the page on which the decision is taken.
        place = urlsplit(context.get("back", request.path)).path
        section = max((item for item in sections if place.startswith(item[0])), key=lambda item: len(item[0]))
        shared = {
            "title": title,
            "opts": self.opts,
            "back": request.get_full_path(),
            "breadcrumbs_are_a_list": BREADCRUMBS_ARE_A_LIST,
            "crumbs": [crumb for crumb in dict.fromkeys((sections[0], section)) if crumb[0] != request.path],
            "sections": sections,
            "section": section[0],
            "documentation": djcelery_jobs.DOCUMENTATION,
            "may_pause": request.user.has_perm(PAUSE),
            "may_run": request.user.has_perm(RUN),
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


OVERVIEW = f"{NAME}_changelist"


def return_url(url: str) -> str:
    """Return the jobs page, with its query, on which a decision was taken. Any other URL becomes the overview."""
    overview = reverse(OVERVIEW)
    try:
        parts = urlsplit(url)
    except ValueError:
        return overview
    if parts.scheme or parts.netloc or not parts.path.startswith(overview) or ".." in parts.path:
        return overview
    if parts.path.removeprefix(overview).rstrip("/") in {"now", "pause", "run-entry", *ACTIONS}:
        return overview
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def call_of(args: str, kwargs: str) -> tuple[list[Any], dict[str, Any]]:
    """Read the arguments that a person wrote as JSON. Raise ValueError for anything else."""
    try:
        arguments, keywords = json.loads(args or "[]"), json.loads(kwargs or "{}")
    except ValueError as error:
        raise ValueError(f"The arguments must be JSON: {error}.") from error
    if not isinstance(arguments, list) or not isinstance(keywords, dict):
        problem = "The arguments must be a JSON list, and the keyword arguments a JSON object."
        raise ValueError(problem)  # noqa: TRY004  a person's mistake, as those above
    return arguments, keywords


def task_names() -> list[str]:
    """Return the names of the project's tasks."""
    return sorted(name for name in current_app.tasks if not name.startswith("celery."))


def overview_context(request: HttpRequest) -> dict[str, Any]:
    """Return what the template of the overview shows."""
    snapshot = take_snapshot()
    period = request.GET.get("period", "hour")
    pauses = list(Pause.objects.order_by("-paused_at", "-pk"))
    recent = Q(finished_at=None) | Q(finished_at__gt=timezone.now() - BULK_SHOWN_FOR)
    dead = listing.page(DEAD, size=LATEST).jobs
    return {
        "snapshot": snapshot,
        "problems": [*problems(snapshot), *backlogs(snapshot)],
        "waiting": None if snapshot.broker != "ok" else sum(queue.waiting or 0 for queue in snapshot.queues),
        "oldest": max((queue.oldest for queue in snapshot.queues if queue.oldest is not None), default=None),
        "dead_count": sum(queue.dead for queue in snapshot.queues),
        "workers_alive": sum(worker.alive for worker in snapshot.workers),
        "charts": charts(period),
        "period": period if period in task_report.PERIODS else "hour",
        "periods": list(task_report.PERIODS),
        "pauses": pauses,
        "held_messages": HeldMessage.objects.count() if pauses else 0,
        "bulk_actions": BulkAction.objects.filter(recent).order_by("-pk")[:BULK_SHOWN],
        "rows": decisions.rows(dead, request.user),
    }


def charts(period: str) -> list[Chart]:
    """Return a chart of the last hour, day or week for each queue."""
    hours = {"day": 24, "week": 7 * 24}.get(period)
    return [chart(queue, minutes) for queue, minutes in (last_hours(hours) if hours else last_hour()).items()]


def backlogs(snapshot: Snapshot) -> list[str]:
    """Return a sentence for each queue in which jobs have waited for long, the paused ones apart."""
    return [
        f"The oldest job in the queue {queue.name} has waited for {wording.span(queue.oldest)}. Check what its workers "
        "do. If they are fine, start more of them."
        for queue in snapshot.queues
        if queue.oldest is not None and queue.oldest > WAITS_LONG and not queue.paused
    ]
