"""Test finding one job among many."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone

from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.core.selection import JobFilter
from djcelery_jobs.dashboard import listing, wording
from djcelery_jobs.models import Job, State, job_id, subject

pytestmark = pytest.mark.django_db

NOW = timezone.now()
DEAD = JobFilter(state="dead")


def find(words: str) -> list[Job]:
    return listing.page(JobFilter.parse({"text": words})).jobs


def make(**fields) -> Job:
    fields = {"task": "shop.tasks.work", "queue": "fast", "state": State.DONE, "finished_at": NOW} | fields
    return Job.objects.create(publish_at=NOW, **fields)


def test_it_is_found_by_what_a_person_has_at_hand(task, broker):
    def mail(order_id: str) -> None:
        """Do nothing: only its row matters here."""

    order_id = str(uuid.uuid4())
    job = uuid.UUID(str(task(mail, base=DurableTask).delay(order_id)))
    make()

    for words in (str(job), job.hex, order_id, f" {order_id} ", order_id[:8], "mail", "TESTS.MAIL"):
        assert [found.pk for found in find(words)] == [job]


def test_keys_errors_and_other_arguments_count():
    job = make(
        key="import-7",
        args=[1, "blue", 'größe "9"'],
        kwargs={"customer": "c-99"},
        error="SMTP said no",
        state=State.DEAD,
    )
    make(args=[2, "red"])
    for words in ("import-7", "blue", "größe", '"9"', "C-99", "SMTP"):
        assert find(words) == [job]


def test_an_id_of_somebodys_own_making_is_found():
    job = make(id=job_id("my-own"))
    assert find("my-own") == [job]


def test_old_jobs_are_found_by_index_only(monkeypatch):
    monkeypatch.setattr(listing, "SCANNED_FOR_TEXT", 1)
    old = make(subject="order-1", args=["order-1", "blue"], key="key-1", finished_at=NOW - timedelta(days=1))
    Job.objects.update(created_at=NOW - timedelta(days=1))
    make()

    assert find("order-1") == find("key-1") == find(str(old.pk)) == [old]
    assert find("blue") == []


@pytest.mark.parametrize("words", ["%", "no such thing", "x" * 10_000, str(uuid.UUID(int=1))])
def test_nothing_is_found_for_nothing(words):
    make()
    assert find(words) == []


def test_what_is_found_is_bounded():
    for _ in range(listing.PAGE + 5):
        make(subject="7", args=[7])
    assert len(find("7")) == listing.PAGE


@pytest.mark.parametrize("older", ["x", ",", "2026-01-01,x", f"2026-01-01,{uuid.UUID(int=0)}", "\0"])
def test_a_page_that_does_not_exist_is_the_first(older):
    job = make(state=State.DEAD)
    assert listing.page(DEAD, older).jobs == [job]


def test_only_the_end_of_a_long_traceback_is_loaded():
    make(state=State.DEAD, traceback="first line\n" + "x" * 10_000 + "\nlast line")
    [job] = listing.page(DEAD).jobs
    assert job.traceback_end.endswith("last line")
    assert "first line" not in wording.traceback(job)


@pytest.mark.parametrize(
    ("args", "kwargs", "about"),
    [
        (["a", "b"], {}, "a"),
        ([7], {}, "7"),
        ([], {"order": "b"}, "b"),
        ([uuid.UUID(int=1)], {}, str(uuid.UUID(int=1))),
        ([["a"]], {}, ""),
        ([], {}, ""),
        (["x" * 500], {}, "x" * 64),
        (["a\0b"], {}, "a\ufffdb"),
    ],
)
def test_the_first_argument_is_what_a_job_is_about(args, kwargs, about):
    assert subject(args, kwargs) == about


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0, "0 s"),
        (-5, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (7209, "2 h"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_span_is_told_in_two_units(seconds, words):
    assert wording.span(seconds) == words


HOUR = timedelta(hours=1, seconds=1)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": State.DONE, "finished_at": NOW - HOUR}, "done 1 h"),
        ({"state": State.DEAD, "finished_at": NOW - HOUR}, "failed permanently 1 h"),
        ({"state": State.DISCARDED, "finished_at": NOW - HOUR}, "discarded 1 h"),
        ({"state": State.DELAYED, "publish_at": NOW - HOUR}, "scheduled, runs now"),
        ({"state": State.DELAYED, "publish_at": NOW + HOUR}, "scheduled, runs in "),
        ({"state": State.DELAYED, "publish_at": NOW, "attempts": 2}, "failed 2 times so far, retries now"),
        ({"state": State.DELAYED, "publish_at": NOW, "attempts": 1}, "failed once so far, retries now"),
        ({"state": State.WAITING, "waiting_since": NOW - HOUR}, "waiting for a worker for 1 h"),
        ({"state": State.WAITING, "started_at": NOW - HOUR, "starts": 1, "worker": "w"}, "running for 1 h"),
    ],
)
def test_the_status_of_a_job(fields, words):
    assert wording.job_status(Job(**fields)).startswith(words)


def test_a_page_without_an_index_reads_so_many_jobs_and_goes_on_behind_them(monkeypatch):
    monkeypatch.setattr(listing, "SCANNED", 3)
    wanted = [make(task="rare", created_at=NOW)]
    for _ in range(4):
        make()
    wanted.append(make(task="rare"))

    first = listing.page(JobFilter(task="rare"))
    assert (first.jobs, first.searched_until is not None) == ([wanted[1]], True)
    second = listing.page(JobFilter(task="rare"), first.older)
    third = listing.page(JobFilter(task="rare"), second.older)
    assert [*second.jobs, *third.jobs] == [wanted[0]]
    assert third.older == ""


def test_a_page_with_an_index_reads_its_jobs_only(django_assert_num_queries):
    for _ in range(60):
        make(state=State.DEAD)
    with django_assert_num_queries(2):
        first = listing.page(DEAD)
        second = listing.page(DEAD, first.older)
    assert (len(first.jobs), len(second.jobs), second.older) == (50, 10, "")


def test_what_failed_alike_is_one_group():
    for number in range(3):
        make(state=State.DEAD, task="a", error_class="builtins.ValueError", error=f"ValueError: {number}")
    make(state=State.DEAD, task="b", error_class="builtins.ValueError")
    make(state=State.DONE, task="a")
    groups, are_more = listing.failures()

    assert [(group.task, group.count) for group in groups] == [("a", 3), ("b", 1)]
    assert groups[0].newest.error == "ValueError: 2"
    assert groups[0].selection.jobs().count() == 3
    assert not are_more


def test_a_life_is_told_in_order():
    job = make(
        dispatched_by="ann, POST /orders/",
        state=State.CANCELLED,
        cancelled_by="bob",
        started_at=NOW,
        attempts=1,
        worker="fast@a",
        earlier_runs=[{"worker": "fast@b", "started_at": NOW.isoformat(), "error": "password=hunter2"}],
    )
    Job.objects.filter(pk=job.pk).update(created_at=NOW - HOUR)
    job.refresh_from_db()

    words = [moment.text for moment in listing.life(job)]
    assert words[0] == "dispatched by ann, POST /orders/"
    assert words[1] == "run on fast@b ended: password=[hidden]"
    assert set(words[2:]) == {"attempt 2 on fast@a", "cancelled by bob"}


def test_the_jobs_of_a_row(django_user_model):
    user = django_user_model.objects.create_user("ann")
    job = make(subject=str(user.pk), args=[user.pk])
    make(subject="other")

    assert listing.jobs_of(user) == listing.jobs_of(user.pk) == [job]
    assert listing.jobs_of(django_user_model()) == []
    page = Template("{% load djcelery_jobs %}{% jobs_of user %}").render(Context({"user": user}))
    assert f"/admin/djcelery_jobs/overview/jobs/{job.pk}/" in page
    assert "No jobs." in Template("{% load djcelery_jobs %}{% jobs_of 'x' %}").render(Context())
