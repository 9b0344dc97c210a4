"""The page of what the jobs are doing: what it says, who sees it, and what can be decided there."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from celery.exceptions import OperationalError
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

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
from djcelery_jobs.models import Job
from djcelery_jobs.models import State as JobState

pytestmark = pytest.mark.django_db

PAGE = "/admin/djcelery_jobs/overview/"
PAGES = [PAGE, f"{PAGE}now/", f"{PAGE}dead/", f"{PAGE}find/?q=x"]
DECISIONS = [f"{PAGE}requeue/", f"{PAGE}discard/"]
NOW = timezone.now()


def quiet() -> Snapshot:
    """Everything is in order: one worker, one job that it runs."""
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
        monkeypatch.setattr(page, "take_snapshot", lambda: replace(quiet(), **changes))

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
        """Only its rows matter here."""

    name = task(never, base=DurableTask).name

    def make(count: int = 1, **fields) -> list[Job]:
        fields = {"task": name, "queue": "fast", "state": JobState.DEAD, "error": "ValueError: no"} | fields
        rows = [Job(publish_at=NOW, finished_at=NOW, **fields) for _ in range(count)]
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

    for place in (PAGE, f"{PAGE}dead/", f"{PAGE}find/?q={job.pk}", f"/admin/djcelery_jobs/job/{job.pk}/change/"):
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
    """Their separators come from the admin's style sheet, which knows one form of them for each version."""

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


def test_more_rows_need_no_more_queries(boss, make_dead, django_assert_max_num_queries):
    make_dead(200)
    for place in PAGES:
        with django_assert_max_num_queries(10):
            boss.get(place)


def test_the_admin_leads_here(boss):
    for place in ("/admin/", "/admin/djcelery_jobs/job/"):
        assert f'href="{PAGE}"' in text(boss.get(place))


def test_dead_letters_go_on_page_by_page(boss, make_dead):
    make_dead(60)
    first = text(boss.get(f"{PAGE}dead/"))
    older = re.search(r'href="(\?older=[^"]+)"', first)[1]
    second = text(boss.get(f"{PAGE}dead/{older}"))

    shown = re.findall(r'<li id="job-(\S+)"', first + second)
    assert len(shown) == len(set(shown)) == 60
    assert 'href="?older=' not in second


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

    assert "No job found." in text(client.get(f"{PAGE}find/?q={words}"))
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
    def away(job):
        raise OperationalError("away")

    def plain() -> None:
        """Its row only."""

    [job] = make_dead(task=task(plain).name)
    monkeypatch.setattr("djcelery_jobs.core.outbox.send", away)
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
    assert "No dead job was selected." in text(boss.post(place, nonsense, follow=True))
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
