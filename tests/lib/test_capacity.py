"""Test Erlang's formulas against values worked out by hand, and the plan against jobs that ended."""

import math
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from djcelery_jobs.dashboard.capacity import Load, measure_loads, probability_of_waiting, processes_needed, wait_time
from djcelery_jobs.models import Job, MinuteTally, State, Tally


def ended(queue: str, seconds: float, *, jobs: int = 1, hours_ago: int = 1, state: State = State.DONE) -> None:
    """Return jobs that took so long and ended in the same hour."""
    finished = (timezone.now() - timedelta(hours=hours_ago)).replace(minute=0)
    began = finished - timedelta(seconds=seconds)
    row = {"task": "tests.works", "queue": queue, "state": state, "publish_at": finished}
    Job.objects.bulk_create(Job(**row, started_at=began, finished_at=finished) for _ in range(jobs))


@pytest.mark.parametrize(
    ("processes", "busy", "chance"),
    [
        (1, 0.5, 0.5),  # with one process, the chance is the share of time that it is busy
        (2, 1, 1 / 3),  # (1/2 * 2) / (1 + 1 + 1/2 * 2)
        (3, 2, 4 / 9),  # (8/6 * 3) / (1 + 2 + 2 + 8/6 * 3)
        (2, 2, 1),
        (1, 7, 1),
    ],
)
def test_probability_of_waiting(processes, busy, chance):
    assert probability_of_waiting(processes, busy) == pytest.approx(chance)


def test_many_processes_are_no_trouble_for_the_numbers():
    assert 0 < probability_of_waiting(5_000, 4_900) < 1


def test_wait_of_one_process():
    # M/M/1: more than t seconds with the chance busy * exp(-(1 - busy) t / seconds).
    assert 0.5 * math.exp(-0.5 * wait_time(1, Load(rate=0.05, seconds=10)) / 10) == pytest.approx(0.05)


def test_no_wait_where_few_jobs_find_all_processes_busy():
    assert wait_time(4, Load(rate=1, seconds=0.1)) == 0


def test_the_wait_grows_for_ever_where_jobs_come_faster_than_they_go():
    assert wait_time(2, Load(rate=1, seconds=2)) == math.inf


@pytest.mark.parametrize(("longest_wait", "processes"), [(0, 6), (1, 4), (3, 3)])
def test_the_fewest_processes_that_keep_the_wait(longest_wait, processes):
    load = Load(rate=2, seconds=1)  # two are busy: at least three

    assert processes_needed(load, longest_wait) == processes
    assert wait_time(processes, load) <= longest_wait < wait_time(processes - 1, load)


def test_the_busiest_hour_of_each_class_is_measured(db):
    ended("fast", 2, jobs=3, hours_ago=10)
    ended("fast", 4, hours_ago=5, state=State.DEAD)
    ended("slow", 60)

    loads = measure_loads(24)

    assert (loads["fast"].rate, loads["fast"].seconds) == (3 / 3600, 2)
    assert loads["slow"].busy == pytest.approx(1 / 60)


def test_runs_of_plain_tasks_are_known_from_the_tallies(db):
    ended("fast", 2, jobs=3)
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    for minute in (10, 20):
        at = hour.replace(minute=minute)
        MinuteTally.objects.create(queue="fast", minute=at, done=300, failed=50, retried=10)
    for outcome, count, seconds in (("done", 600, 100.0), ("failed", 100, 20.0), ("retried", 20, 24.0)):
        Tally.objects.create(queue="fast", task="tests.plain", outcome=outcome, count=count, seconds=seconds)

    assert measure_loads(24)["fast"] == Load(rate=0.2, seconds=0.2)


def test_what_is_long_ago_unfinished_or_never_began_is_not_measured(db):
    ended("fast", 2, hours_ago=30)
    ended("fast", 2, state=State.WAITING)
    ended("slow", 2, state=State.DISCARDED)
    Job.objects.filter(queue="slow").update(started_at=None)

    assert measure_loads(24) == {}


def test_the_plan_in_one_table(db, capsys):
    ended("slow", 60, jobs=360)

    call_command("jobs", "plan", "--wait", "30")

    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert lines["slow"] == ["slow", "0.10", "60.00", "6.0", "2", "grows", "9"]
    assert lines["fast"] == ["fast", "no", "jobs", "ended", "in", "this", "time"]


def test_a_supposed_rate(db, capsys):
    ended("slow", 60)

    call_command("jobs", "plan", "--rate", "slow=0.1", "--wait", "30")

    assert "0.10    60.00     6.0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rate", "says"),
    [("slow", "Invalid rate: 'slow'"), ("slow=many", "Invalid rate"), ("fast=3", "No job of the class 'fast' ended")],
)
def test_a_rate_that_cannot_be_supposed(db, rate, says):
    ended("slow", 60)
    with pytest.raises(CommandError, match=says):
        call_command("jobs", "plan", "--rate", rate)


def test_no_job_begins_before_it_comes(db):
    with pytest.raises(CommandError, match="must not be negative"):
        call_command("jobs", "plan", "--wait", "-1")


@pytest.mark.parametrize("hours", ["-1", "1000001", "day"])
def test_what_is_no_count_of_hours(db, hours):
    with pytest.raises(CommandError, match=f"must be a number from 0 to 1000000, got '{hours}'"):
        call_command("jobs", "plan", f"--hours={hours}")
