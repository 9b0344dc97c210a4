"""Test the page of what the jobs are doing: what it says, who sees it, and what can be decided there."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape

import pytest
from celery.exceptions import OperationalError
from celery.schedules import crontab
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models.functions import Now
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import djcelery_jobs
from djcelery_jobs.core import bulk
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.dashboard import page
from djcelery_jobs.dashboard.snapshot import (
    BeatState,
    Minute,
    QueueState,
    RunningJob,
    ScheduledEntry,
    Snapshot,
    WorkerState,
)
from djcelery_jobs.models import BulkAction, Heartbeat, Job, Pause, TaskSlot
from djcelery_jobs.models import State as JobState

pytestmark = pytest.mark.django_db

PAGE = "/admin/djcelery_jobs/overview/"
PAGES = [PAGE, f"{PAGE}now/", f"{PAGE}dead/", f"{PAGE}find/?q=x", f"{PAGE}jobs/", f"{PAGE}tasks/", f"{PAGE}failures/"]
PAGES += [f"{PAGE}schedule/"]
DECISIONS = [f"{PAGE}requeue/", f"{PAGE}discard/"]  # of dead jobs
NOW = timezone.now()


def quiet() -> Snapshot:
    """Return a snapshot in which everything is in order: one worker, one job that it runs."""
    hour_ago, soon = NOW - timedelta(hours=1), timezone.now() + timedelta(minutes=5, seconds=30)
    worker = WorkerState(
        name="fast@a", queues=["fast"], concurrency=4, running=1, seen=NOW, alive=True, consuming=True, started=hour_ago
    )
    queue = QueueState(name="fast", waiting=7, oldest=2.0, running=1, consumers=1, rate=3.5, dead=0)
    entry = ScheduledEntry(name="nightly", task="orders.tasks.daily_sales", schedule="02:10", last=hour_ago, next=soon)
    return Snapshot(
        at=NOW,
        broker="ok",
        queues=[queue],
        workers=[worker],
        beat=BeatState(alive=True, holder="beat@a", seen=NOW, entries=[entry]),
        running=[RunningJob(id="1", task="tests.runs", queue="fast", worker="fast@a", started=NOW)],
    )


@pytest.fixture
def state(monkeypatch):
    """Make the page see this: state(broker="down")."""

    def see(**changes) -> None:
        monkeypatch.setattr(page, "take_snapshot", lambda **options: replace(quiet(), **changes))

    see()
    minutes = [Minute(at=NOW, done=2, failed=1, retried=1), Minute(at=NOW, done=0, failed=0, retried=0)]
    monkeypatch.setattr(page, "last_hour", lambda: {"fast": minutes})
    return see


@pytest.fixture
def as_user(client, django_user_model):
    """Return a client of somebody who has the named permissions."""

    def login(*permissions: str, is_staff: bool = True) -> Client:
        user = django_user_model.objects.create_user("ann", is_staff=is_staff)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client.force_login(user)
        return client

    return login


@pytest.fixture
def boss(state, as_user) -> Client:
    return as_user("view_job", "requeue_job", "discard_job")


@pytest.fixture
def make_dead(task):
    """Make dead jobs of a durable task: make_dead(3, error="x")."""

    def never() -> None:
        """Do nothing: only its rows matter here."""

    name = task(never, base=DurableTask).name

    def make(count: int = 1, **fields) -> list[Job]:
        fields = {"task": name, "queue": "fast", "state": JobState.DEAD, "error": "ValueError: no"} | fields
        rows = [Job(**{"publish_at": NOW, "finished_at": NOW} | fields) for _ in range(count)]
        return Job.objects.bulk_create(rows)

    return make


def text(answer) -> str:
    return answer.content.decode()


# -- What it says


def test_it_tells_what_is_going_on(boss):
    shown = text(boss.get(PAGE))

    for words in ("Every queue has a worker", "tests.runs", "fast@a", "1 of 4 busy", "nightly", "in 5 min"):
        assert words in shown
    assert "2 jobs done, 1 retried, 1 failed, at most 4 in one minute" in shown


def test_the_part_that_changes_comes_alone(boss):
    shown = text(boss.get(f"{PAGE}now/"))

    assert shown.lstrip().startswith('<div id="jobs-now">')
    assert "<html" not in shown


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"broker": "down"}, "The broker is down."),
        ({"broker": "no answer"}, "The broker does not answer."),
        ({"beat": BeatState(alive=False, holder="", seen=None, entries=[])}, "Beat is not running"),
        ({"queues": [replace(quiet().queues[0], consumers=0)]}, "No worker consumes the queue fast."),
        ({"queues": [replace(quiet().queues[0], oldest=720.0)]}, "has waited for 12 min."),
        ({"workers": [replace(quiet().workers[0], alive=False)]}, "no heartbeat"),
        ({"workers": [replace(quiet().workers[0], consuming=False)]}, "fast@a is alive but does not consume"),
        ({"workers": []}, "No worker is running."),
    ],
)
def test_it_says_plainly_what_is_wrong(boss, state, changes, words):
    assert words not in text(boss.get(PAGE))
    state(**changes)
    assert words in text(boss.get(PAGE))


def test_while_the_broker_is_away_no_worker_is_missed(boss, state):
    state(broker="down", queues=[replace(quiet().queues[0], consumers=0)])
    shown = text(boss.get(PAGE))
    assert "The broker is down." in shown
    assert "No worker consumes" not in shown
    assert "no worker" not in shown


def test_what_the_broker_does_not_tell_is_not_shown_as_none_waiting(boss, state):
    state(broker="down", queues=[replace(quiet().queues[0], waiting=None, oldest=None)])
    assert '<td class="n">?</td>' in text(boss.get(PAGE))


def test_failures_are_shown_without_what_is_secret(boss, make_dead):
    make_dead(
        args=["https://ann:hunter2@example.com"],
        kwargs={"password": "hunter2", "amount": 5},
        error="refused: password=hunter2",
        traceback="Traceback\nValueError: password=hunter2",
    )
    [job] = Job.objects.all()

    places = [PAGE, f"{PAGE}dead/", f"{PAGE}find/?q={job.pk}", f"{PAGE}jobs/{job.pk}/"]
    for place in (*places, f"/admin/djcelery_jobs/job/{job.pk}/change/"):
        shown = text(boss.get(place))
        assert "amount=5" in shown
        assert "hunter2" not in shown
    assert "hunter2" not in text(boss.get("/admin/djcelery_jobs/job/"))


def test_what_somebody_put_into_a_job_stays_text(boss, state, make_dead):
    evil = "<script>alert(1)</script>"
    make_dead(task=evil, error=evil, traceback=evil, args=[evil], key=evil, queue=evil)
    state(running=[replace(quiet().running[0], task=evil)], workers=[replace(quiet().workers[0], name=evil)])

    for place in (PAGE, f"{PAGE}dead/", f"{PAGE}find/?q={evil}"):
        shown = text(boss.get(place))
        assert "&lt;script&gt;alert(1)" in shown
        assert evil not in shown


def test_nothing_is_inline_and_nothing_foreign_may_be_loaded(boss, make_dead):
    make_dead()
    for place in PAGES:
        answer = boss.get(place)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|https?://(?!www\.w3\.org)", text(answer))


def test_an_entry_that_never_ran_shows_no_last_run(boss, state):
    never = ScheduledEntry(name="new", task="orders.tasks.daily_sales", schedule="every 1 h", last=None, next=NOW)
    state(beat=replace(quiet().beat, entries=[never]))

    shown = text(boss.get(PAGE))

    assert "has not run yet" in shown
    assert "last run" not in shown


def test_an_entry_that_can_never_run_is_shown_as_such(boss, state):
    never = ScheduledEntry(name="odd", task="t", schedule="no valid schedule", last=None, next=None)
    state(beat=replace(quiet().beat, entries=[*quiet().beat.entries, never]))

    shown = text(boss.get(PAGE))

    assert "The schedule entry &quot;odd&quot; can never run" in shown
    assert shown.count("can never run") == 2
    assert "nightly" in shown


@pytest.mark.parametrize("place", [PAGE, f"{PAGE}dead/", f"{PAGE}find/?q=x"])
def test_the_breadcrumbs_are_those_of_the_admin(boss, place):
    # Their separators come from the admin's style sheet, which knows one form of them for each version.

    def form(page: str) -> tuple[str, str]:
        [(tag, inside)] = re.findall(r'<(\w+) class="breadcrumbs">(.*?)</\1>', page, re.DOTALL)
        return tag, "".join(re.findall(r"<li\b|&rsaquo;|aria-current", inside)[:2])

    assert form(text(boss.get(place))) == form(text(boss.get("/admin/djcelery_jobs/job/")))


def test_the_admin_has_one_heading_for_everything(boss):
    assert len(re.findall(r">\s*Background jobs\s*<", text(boss.get("/admin/")))) == 1


def test_the_plain_list_shows_the_newest_first(boss, make_dead):
    for days in (2, 1, 3):
        [job] = make_dead(task=f"tests.from_day_{days}")
        Job.objects.filter(pk=job.pk).update(created_at=NOW - timedelta(days=days))

    assert re.findall(r"tests\.from_day_(\d)<", text(boss.get("/admin/djcelery_jobs/job/"))) == ["1", "2", "3"]


# How many statements each page takes, four of them for the session and the permissions.
STATEMENTS = {
    "": 23,
    "now/": 23,
    "?period=week": 23,
    "jobs/": 5,
    "jobs/?state=dead": 5,
    "jobs/?state=running&queue=fast": 5,
    "jobs/?task=tests.never&error=ValueError": 6,
    "jobs/?text=x": 8,
    "jobs/{job}/": 8,
    "jobs/{job}/edit/": 5,
    "tasks/": 6,
    "tasks/?period=week": 6,
    "failures/": 6,
    "schedule/": 18,
}


@pytest.fixture
def fill(broker, make_dead, conf):
    """Fill the tables: fill(20). Return a job that has caused as many others."""
    conf(beat_schedule={"prune": {"task": "djcelery_jobs.tasks.prune", "schedule": 600}})

    def fill(count: int) -> Job:
        [job] = make_dead(1, earlier_runs=[{"worker": "w", "started_at": NOW.isoformat(), "error": "x"}] * count)
        make_dead(count, error_class="builtins.ValueError", caused_by=job.pk)
        for number in range(count):
            make_dead(task=f"tests.of_{count}_{number}", state=JobState.WAITING, finished_at=None, waiting_since=NOW)
            make_dead(state=JobState.DONE, error="")
            TaskSlot.objects.create(minutes=60, start=NOW, queue="fast", task=f"tests.of_{count}_{number}", done=1)
            Heartbeat.objects.create(worker=f"w{count}_{number}@a", queues=["fast"], started_at=NOW, seen_at=Now())
            Pause.objects.create(kind="task", name=f"tests.of_{count}_{number}", paused_by="ann")
            BulkAction.objects.create(action="requeue", requested_by="ann")
        return job

    return fill


def test_each_page_takes_so_many_statements_however_many_rows_there_are(as_user, fill):
    client = as_user("view_job", "requeue_job", "discard_job", "cancel_job", "run_job", "pause_job")

    def statements(job: Job, place: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PAGE + place.format(job=job.pk)).status_code == 200
        return len(queries)

    for rows in (1, 70):
        job = fill(rows)
        assert {place: statements(job, place) for place in STATEMENTS} == STATEMENTS


def test_the_admin_leads_here(boss):
    for place in ("/admin/", "/admin/djcelery_jobs/job/"):
        assert f'href="{PAGE}"' in text(boss.get(place))


def test_dead_letters_go_on_page_by_page(boss, make_dead):
    make_dead(60)
    first = text(boss.get(f"{PAGE}dead/"))
    older = unescape(re.search(r'href="(\?[^"]*older=[^"]+)"', first)[1])
    second = text(boss.get(f"{PAGE}dead/{older}"))

    shown = re.findall(r'<li id="job-(\S+)"', first + second)
    assert len(shown) == len(set(shown)) == 60
    assert not re.search(r'href="\?[^"]*older=', second)


# -- Who sees it


@pytest.mark.parametrize("place", [*PAGES, *DECISIONS])
def test_strangers_are_sent_to_the_login(client, place):
    answer = client.get(place)
    assert (answer.status_code, answer.url.partition("?")[0]) == (302, "/admin/login/")


@pytest.mark.parametrize("place", [*PAGES, *DECISIONS])
@pytest.mark.parametrize("is_staff", [True, False])
def test_people_without_the_permission_are_refused(as_user, place, is_staff):
    client = as_user(*([] if is_staff else ["view_job", "requeue_job", "discard_job"]), is_staff=is_staff)
    assert client.get(place).status_code == 403
    assert client.post(place).status_code == 403


@pytest.mark.parametrize("place", DECISIONS)
def test_who_may_only_look_decides_nothing(as_user, state, make_dead, place):
    [job] = make_dead()
    client = as_user("view_job")

    assert client.post(place, {"one": job.pk, "confirmed": "yes"}).status_code == 403
    assert "Send again" not in text(client.get(PAGE))
    job.refresh_from_db()
    assert job.state == JobState.DEAD


SECRET = {"kwargs": {"api_key": "sk_live_4711"}, "error": "refused: password=hunter2"}


@pytest.mark.parametrize(
    "query",
    [
        "kwargs__api_key__startswith=sk_",
        "error__contains=hunter2",
        "error__regex=(",
        "traceback__icontains=x",
        "args__0=x",
        "options__x=y",
        "state=%00",
        "state__in=dead,done",
        "queue=%00",
        "queue__startswith=f",
        "id__startswith=0",
    ],
)
def test_the_list_takes_no_lookup_but_its_filters(as_user, make_dead, query):
    make_dead(**SECRET)
    answer = as_user("view_job").get(f"/admin/djcelery_jobs/job/?{query}")

    refused = answer.status_code == 400 or (answer.status_code, answer.url) == (302, "/admin/djcelery_jobs/job/?e=1")
    assert refused, answer


@pytest.mark.parametrize("query", ["state=dead", "queue=fast", "q=tests.ne", "o=1"])
def test_the_list_is_filtered_searched_and_sorted(as_user, make_dead, query):
    [job] = make_dead()
    make_dead(task="other", queue="slow", state=JobState.DONE)
    shown = text(as_user("view_job").get(f"/admin/djcelery_jobs/job/?{query}"))

    assert str(job.pk) in shown
    assert ("other" in shown) is (query == "o=1")


@pytest.mark.parametrize("words", ["sk_live_4711", "sk_live", "hunter2", "hunt", "api_key=sk"])
def test_the_search_reveals_nothing_that_is_hidden(as_user, make_dead, words):
    make_dead(subject="sk_live_4711", **SECRET)
    client = as_user("view_job")

    assert "No job matches." in text(client.get(f"{PAGE}find/?q={words}"))
    assert "tests.never" in text(client.get(f"{PAGE}find/?q=refused"))
    assert "tests.never" not in text(client.get(f"/admin/djcelery_jobs/job/?q={words}"))


def test_the_page_of_a_job_hides_secrets_in_its_options(as_user, make_dead):
    [job] = make_dead(options={"headers": {"api_key": "sk_live_4711"}, "priority": 7})
    shown = text(as_user("view_job").get(f"/admin/djcelery_jobs/job/{job.pk}/change/"))

    assert "priority=7" in shown
    assert "sk_live" not in shown


# -- What can be decided


@pytest.mark.parametrize(
    ("place", "state_after", "words"),
    [
        (DECISIONS[0], JobState.DELAYED, "2 dead jobs sent again."),
        (DECISIONS[1], JobState.DISCARDED, "2 dead jobs discarded."),
    ],
)
def test_it_asks_first_then_does_it_and_writes_down_who(boss, make_dead, caplog, place, state_after, words):
    jobs = make_dead(3)
    chosen = {"job": [job.pk for job in jobs[:2]]}

    asked = text(boss.post(place, chosen))
    assert str(jobs[0].pk) in asked
    assert Job.objects.filter(state=JobState.DEAD).count() == 3

    assert words in text(boss.post(place, chosen | {"confirmed": "yes"}, follow=True))
    assert Job.objects.filter(state=state_after).count() == 2
    assert Job.objects.filter(state=JobState.DEAD).count() == 1
    assert {entry.object_id for entry in LogEntry.objects.filter(user__username="ann")} == {
        str(pk) for pk in chosen["job"]
    }
    assert "ann" in caplog.text


def test_one_job_needs_no_box_to_be_ticked(boss, make_dead):
    [one, other] = make_dead(2)
    assert "1 dead job discarded." in text(
        boss.post(DECISIONS[1], {"one": one.pk, "job": other.pk, "confirmed": "yes"}, follow=True)
    )
    other.refresh_from_db()
    assert other.state == JobState.DEAD


def test_the_broker_may_be_away(boss, make_dead, task, monkeypatch):
    def unreachable(job):
        raise OperationalError("unreachable")

    def plain() -> None:
        """Do nothing: only its row matters here."""

    [job] = make_dead(task=task(plain).name)
    monkeypatch.setattr("djcelery_jobs.core.outbox.send", unreachable)
    assert "The broker is not reachable" in text(
        boss.post(DECISIONS[0], {"one": job.pk, "confirmed": "yes"}, follow=True)
    )
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("place", [PAGE, f"{PAGE}dead/?older=x", f"{PAGE}find/?q=tests.never&x=1"])
def test_a_decision_leads_back_to_the_page_where_it_was_taken(boss, make_dead, place):
    [job] = make_dead()
    [back] = set(re.findall(r'name="back" value="([^"]+)"', text(boss.get(place))))
    assert unescape(back) == place

    asked = text(boss.post(DECISIONS[1], {"one": job.pk, "back": place}))
    assert f'name="back" value="{back}"' in asked
    assert f'href="{back}"' in asked
    assert boss.post(DECISIONS[1], {"job": job.pk, "confirmed": "yes", "back": place}).url == place


@pytest.mark.parametrize(
    "back",
    ["", "//evil.example", "https://evil.example/admin/", f"//evil.example{PAGE}", "/admin/logout/", "\0", "http://[x"],
)
def test_a_decision_leads_nowhere_else(boss, make_dead, back):
    [job] = make_dead()
    assert boss.post(DECISIONS[1], {"one": job.pk, "confirmed": "yes", "back": back}).url == PAGE


@pytest.mark.parametrize("nonsense", [{}, {"job": ["x", "\0", "é" * 300]}, {"one": "1"}, {"confirmed": "yes"}])
@pytest.mark.parametrize("place", DECISIONS)
def test_nonsense_decides_nothing(boss, make_dead, place, nonsense):
    make_dead()
    assert re.search("No dead (or cancelled )?job was selected.", text(boss.post(place, nonsense, follow=True)))
    assert Job.objects.get().state == JobState.DEAD


@pytest.mark.parametrize("place", DECISIONS)
def test_a_decision_is_a_post_from_our_own_page(boss, make_dead, place):
    [job] = make_dead()
    assert boss.get(place).status_code == 405
    boss.handler.enforce_csrf_checks = True
    assert boss.post(place, {"one": job.pk, "confirmed": "yes"}).status_code == 403


@pytest.mark.parametrize("place", [*PAGES, *DECISIONS])
def test_hostile_requests_are_no_errors_of_ours(boss, place):
    assert boss.post(place, b"x" * 10_000_000, content_type="text/plain").status_code < 500
    assert boss.post(place, {"job": "x" * 10_000_000}).status_code < 500
    assert boss.get(PAGE + "dead/?older=%00%ff,;" + "x" * 5000).status_code == 200
    assert boss.get(PAGE + "find/?q=%00%ff%27%22%25_" + "x" * 5000).status_code == 200


# -- One list of jobs, and one job


@pytest.fixture
def chief(state, as_user) -> Client:
    """Return a client of somebody who may do everything."""
    return as_user("view_job", "requeue_job", "discard_job", "cancel_job", "run_job", "pause_job")


def test_the_list_is_filtered_and_stays_so(chief, make_dead):
    [dead] = make_dead(error_class="builtins.ValueError")
    [waiting] = make_dead(state=JobState.WAITING, finished_at=None)
    shown = text(chief.get(f"{PAGE}jobs/?state=dead&queue=fast&error=ValueError&text=no"))

    assert str(dead.pk) in shown
    assert str(waiting.pk) not in shown
    assert '<option value="dead" selected>' in shown
    assert "Send all again" in shown
    assert "Cancel all" not in shown  # dead jobs cannot be cancelled
    assert "Invalid value for since" in text(chief.get(f"{PAGE}jobs/?since=soon"))


def test_a_job_offers_what_can_be_done_with_it(chief, make_dead):
    for state, verbs in {
        JobState.DEAD: {"Send again", "Discard", "Send again with other arguments"},
        JobState.WAITING: {"Cancel"},
        JobState.DELAYED: {"Cancel", "Run now"},
        JobState.CANCELLED: {"Send again"},
        JobState.DONE: set(),
    }.items():
        [job] = make_dead(state=state, finished_at=None if state in (JobState.WAITING, JobState.DELAYED) else NOW)
        shown = text(chief.get(f"{PAGE}jobs/{job.pk}/"))
        section = shown[shown.index("What it is") : shown.index("<dl")]
        assert set(re.findall(r">([A-Z][a-z ]+)</(?:button|a)>", section)) == verbs


def test_one_job_tells_its_life_and_its_relatives(chief, make_dead):
    [cause] = make_dead(state=JobState.DONE, task="tests.cause")
    [job] = make_dead(caused_by=cause.pk, dispatched_by="task tests.cause", options={"context": {"request_id": "r-7"}})
    [effect] = make_dead(caused_by=job.pk, replaces=cause.pk)
    shown = text(chief.get(f"{PAGE}jobs/{job.pk}/"))

    for words in ("r-7", "dispatched by task tests.cause", f"jobs/{cause.pk}/", f"jobs/{effect.pk}/", "ValueError: no"):
        assert words in shown
    assert f"jobs/{cause.pk}/" in text(chief.get(f"{PAGE}jobs/{effect.pk}/"))
    assert chief.get(f"{PAGE}jobs/00000000-0000-0000-0000-000000000000/").status_code == 404


@pytest.mark.parametrize(
    ("place", "before", "after"),
    [("cancel", JobState.WAITING, JobState.CANCELLED), ("run", JobState.DELAYED, JobState.DELAYED)],
)
def test_the_other_decisions(chief, make_dead, place, before, after):
    [job] = make_dead(state=before, finished_at=None)
    Job.objects.update(publish_at=NOW + timedelta(days=1))
    shown = text(chief.post(f"{PAGE}{place}/", {"one": job.pk, "confirmed": "yes"}, follow=True))
    job.refresh_from_db()

    assert job.state == after
    assert "1 waiting job cancelled." in shown or "1 delayed job made due now." in shown
    assert job.cancelled_by == ("ann" if place == "cancel" else "")
    assert place == "cancel" or job.publish_at <= timezone.now()
    assert LogEntry.objects.filter(object_id=str(job.pk)).count() == 1


def test_all_that_match_are_left_to_beat_after_one_question(chief, make_dead):
    make_dead(3)
    make_dead(1, queue="slow")
    data = {"all": "yes", "state": "dead", "queue": "fast", "back": f"{PAGE}jobs/?state=dead&queue=fast"}
    asked = text(chief.post(f"{PAGE}requeue/", data))
    assert "3 jobs match: state dead, queue fast." in asked
    assert 'aria-current="page">Jobs<' in asked  # the page on which it was decided
    assert not BulkAction.objects.exists()

    answer = chief.post(f"{PAGE}requeue/", data | {"confirmed": "yes", "expected": "3"})
    assert answer.url == data["back"]
    action = BulkAction.objects.get()
    assert (action.requested_by, action.expected, action.filter) == ("ann", 3, {"state": "dead", "queue": "fast"})
    assert "0 of 3 looked at" in text(chief.get(PAGE))
    bulk.work_off()
    assert "finished, 3 jobs sent again" in text(chief.get(PAGE))
    BulkAction.objects.update(finished_at=timezone.now() - timedelta(hours=2))
    assert "finished, 3 jobs" not in text(chief.get(PAGE))
    assert chief.post(f"{PAGE}requeue/", {"all": "yes", "since": "soon"}).status_code == 302


def test_a_dead_job_is_edited_and_sent_again(chief, make_dead, task):
    def pay(order: int, password: str = "") -> None:
        """Do nothing: only its row matters here."""

    [job] = make_dead(task=task(pay, base=DurableTask).name, args=[1], kwargs={"password": "hunter2"})
    page = f"{PAGE}jobs/{job.pk}/edit/"
    shown = text(chief.get(page))
    assert "hunter2" not in shown
    assert "Some values are hidden." in shown
    for args, error in (("x", "must be JSON"), ("{}", "must be a JSON list"), ("[1, 2, 3]", "too many")):
        assert error in text(chief.post(page, {"args": args, "kwargs": "{}"}))

    chief.post(page, {"args": "[2]", "kwargs": "{}"})
    new = Job.objects.get(replaces=job.pk)
    assert new.args == [2]
    assert f"jobs/{new.pk}/" in text(chief.get(f"{PAGE}jobs/{job.pk}/"))
    assert "This one is discarded" in unescape(text(chief.post(page, {"args": "[3]", "kwargs": "{}"})))


# -- Pauses, the schedule, tasks and failures


@pytest.mark.parametrize("what", ["queue:fast", "task:tests.x", "entry:nightly"])
def test_a_pause_from_the_page(chief, what):
    kind, _, name = what.partition(":")
    assert "is paused" in text(chief.post(f"{PAGE}pause/", {"pause": what}, follow=True))
    pause = Pause.objects.get()
    assert (pause.kind, pause.name, pause.paused_by) == (kind, name, "ann")
    assert f"{kind} {name}, by ann" in text(chief.get(PAGE))
    assert "was already paused" in text(chief.post(f"{PAGE}pause/", {"pause": what}, follow=True))
    assert "is resumed" in text(chief.post(f"{PAGE}pause/", {"resume": what}, follow=True))
    assert not Pause.objects.exists()
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == ["Paused.", "Resumed."]


@pytest.mark.parametrize("place", ["pause", "run-entry", "cancel", "run", "requeue", "discard"])
def test_each_decision_has_a_permission_of_its_own(as_user, state, place):
    client = as_user("view_job")
    assert client.post(f"{PAGE}{place}/", {"pause": "queue:fast"}).status_code == 403
    assert not Pause.objects.exists()
    shown = text(client.get(PAGE)) + text(client.get(f"{PAGE}schedule/"))
    assert not re.search("<button[^>]*>(Pause|Run now|Cancel|Send again)", shown)


def test_nonsense_pauses_nothing(chief):
    for data in ({}, {"pause": "x:y"}, {"pause": "queue:"}, {"resume": "queue:fast"}):
        chief.post(f"{PAGE}pause/", data)
    assert chief.get(f"{PAGE}pause/").status_code == chief.get(f"{PAGE}run-entry/").status_code == 405
    assert not Pause.objects.exists()


def test_a_paused_queue_is_not_called_broken(chief, state):
    state(queues=[replace(quiet().queues[0], paused=True, oldest=7200.0, consumers=0)])
    shown = text(chief.get(PAGE))

    assert "has waited for" not in shown
    assert "No worker consumes" not in shown
    assert ">paused<" in shown


def test_dead_jobs_are_not_called_fine(chief, state, make_dead):
    make_dead()
    state(queues=[replace(quiet().queues[0], dead=1)])
    shown = text(chief.get(PAGE))
    assert "jobs-fine" not in shown
    assert "1 dead job waits for a decision." in shown


def test_the_schedule_runs_an_entry_now(chief, conf, broker, state):
    conf(beat_schedule={"prune": {"task": "djcelery_jobs.tasks.prune", "schedule": 600}})
    assert "was sent as the job" in text(chief.post(f"{PAGE}run-entry/", {"entry": "prune"}, follow=True))
    assert len(broker.drain()) == 1
    assert "No entry of the schedule" in text(chief.post(f"{PAGE}run-entry/", {"entry": "x"}, follow=True))
    state(beat=replace(quiet().beat, entries=[replace(quiet().beat.entries[0], paused=True)]))
    shown = text(chief.get(f"{PAGE}schedule/"))
    assert "when it is resumed" in shown
    assert 'value="entry:nightly"' in shown


def test_the_schedule_shows_the_next_runs(as_user, conf, broker):
    conf(beat_schedule={"prune": {"task": "djcelery_jobs.tasks.prune", "schedule": crontab(minute="10", hour="2")}})
    shown = text(as_user("view_job").get(f"{PAGE}schedule/"))
    days = [datetime.fromisoformat(day) for day in re.findall(r"(\d{4}-\d\d-\d\d) 02:10:00", shown)]
    assert [day - days[0] for day in days] == [timedelta(days=number) for number in range(3)]


@pytest.mark.parametrize(
    ("options", "sought"), [({"context": {"request_id": "beat:a/b"}}, "beat%3Aa%2Fb"), ({}, "{job}")]
)
def test_a_job_leads_to_its_lines_in_the_logs(chief, make_dead, options, sought):
    [job] = make_dead(options=options)
    place = f"{PAGE}jobs/{job.pk}/"
    assert "Search the logs" not in text(chief.get(place))
    with override_settings(DJCELERY_JOBS={"LOG_URL": "https://logs.example.com/?q={id}&x=1"}):
        link = f'href="https://logs.example.com/?q={sought.format(job=job.pk)}&amp;x=1"'
        assert link in text(chief.get(place))


@pytest.mark.parametrize(("period", "runs"), [("hour", 5), ("day", 15), ("week", 25), ("x", 5)])
def test_tasks_are_reported_from_counts(chief, period, runs):
    now = timezone.now()
    for minutes, ago, count in ((10, 0, 5), (60, 2, 15), (60, 48, 10), (60, 24 * 9, 100)):
        slot = {"minutes": minutes, "start": now - timedelta(hours=ago), "queue": "fast", "task": "tests.counted"}
        TaskSlot.objects.create(done=count - 1, failed=1, buckets={"0.1": count}, waits={"5.0": count}, **slot)
    shown = text(chief.get(f"{PAGE}tasks/?period={period}"))

    assert re.search(rf'tests\.counted.*?<td class="n" data-label="Runs">{runs}</td>', shown, re.DOTALL)
    assert "0.075 s" in shown
    labels = ["Runs", "Per min", "Failed", "Retried", "Run p50", "Run p95", "Run p99", "Wait p50", "Wait p95"]
    assert re.findall(r'<td [^>]*data-label="([^"]+)"', shown) == labels
    Pause.objects.create(kind="task", name="tests.counted", paused_by="ann")
    assert 'value="task:tests.counted" aria-label="Resume' in text(chief.get(f"{PAGE}tasks/"))


def test_a_chart_of_a_day_and_a_week(chief):
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    for task in ("a", "b"):
        TaskSlot.objects.create(minutes=60, start=now, queue="fast", task=task, done=2, failed=1)
    for period in ("day", "week"):
        assert f"fast in the last {period}: 4 jobs done, 0 retried, 2 failed" in text(
            chief.get(f"{PAGE}?period={period}")
        )
        assert f"now/?period={period}" in text(chief.get(f"{PAGE}?period={period}"))


def test_failures_come_in_groups_to_act_on(chief, make_dead):
    make_dead(14, error_class="builtins.ValueError")
    make_dead(2)
    shown = text(chief.get(f"{PAGE}failures/"))

    assert "14 &times; builtins.ValueError" in shown
    assert 'name="error" value="builtins.ValueError"' in shown
    assert shown.count(">Send all again<") == 1  # those without a class are not one group


@pytest.mark.parametrize("address", ["", "https://docs.example.com/"])
def test_each_page_links_to_the_documentation_where_it_has_an_address(boss, monkeypatch, address):
    monkeypatch.setattr(djcelery_jobs, "DOCUMENTATION", address)

    answer = boss.get(PAGE).text

    assert (f'<a href="{address}">Documentation</a>' in answer) == bool(address)
    assert (">Documentation<" in answer) == bool(address)
