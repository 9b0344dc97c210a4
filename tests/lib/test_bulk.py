"""Act on every job that matches a filter, from code and at the command line, at once or in the background."""

import json
from datetime import timedelta

import pytest
from celery.exceptions import OperationalError
from django.core.management import CommandError, call_command
from django.utils import timezone

from djcelery_jobs import operations
from djcelery_jobs.core import bulk, ledger
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.core.relay import relay
from djcelery_jobs.core.selection import JobFilter
from djcelery_jobs.models import BulkAction, Job, State

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def never(task, broker):
    def never(number: int) -> None:
        """Do nothing: only its row matters here."""

    return task(never, base=DurableTask)


@pytest.fixture
def make(never):
    """Make jobs: make(3, state=State.DEAD)."""

    def make(count: int = 1, **fields) -> list[Job]:
        fields = {"task": never.name, "queue": "fast", "state": State.DEAD, "publish_at": NOW} | fields
        fields.setdefault("finished_at", NOW)
        jobs = Job.objects.bulk_create(Job(**{"args": [number]} | fields) for number in range(count))
        Job.objects.filter(pk__in=[job.pk for job in jobs]).update(created_at=fields.get("created_at", NOW))
        return jobs

    return make


def found(**fields) -> int:
    selection = JobFilter(**fields)
    return sum(selection.shows(job) for job in selection.jobs())


def test_each_part_of_a_filter_restricts(make):
    make(2, error="ValueError: no", error_class="builtins.ValueError")
    make(1, error_class="shop.CardError", queue="slow", key="card 7")
    make(1, state=State.WAITING, finished_at=None)
    make(1, state=State.WAITING, finished_at=None, started_at=NOW, task="other")
    make(1, state=State.NEXT, finished_at=None, key="k")
    make(1, state=State.CANCELLED, created_at=NOW - timedelta(days=2))

    assert [found(state=state) for state in operations.STATES] == [1, 1, 1, 0, 3, 1, 0]
    assert (found(), found(queue="slow"), found(task="other"), found(error="ValueError")) == (7, 1, 1, 2)
    assert (found(error="shop.CardError"), found(error="Error")) == (1, 0)
    assert (found(since=NOW - timedelta(days=1)), found(until=NOW - timedelta(days=1))) == (6, 1)
    assert (found(text="card 7"), found(text="OTHER"), found(text="valueerror: no")) == (1, 1, 2)


def test_the_beginning_of_an_id_finds_it(make):
    [job] = make(1, args=[])
    assert found(text=str(job.pk)[:10]) == found(text=str(job.pk).upper()) == 1
    assert found(text="zz" + str(job.pk)[:8]) == 0


def test_the_text_of_arguments_finds_but_not_their_secrets(make):
    make(1, args=["ada@example.org"], kwargs={"password": "hunter2", "größe": "ü"})
    assert (found(text="ada@"), found(text="größe"), found(text="ü"), found(text="hunter2")) == (1, 1, 1, 0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"state": "dread"}, "Invalid value for state: 'dread'. Choose from: waiting, "),
        ({"since": "soon"}, "Invalid value for since: 'soon'. Write a date such as 2026-07-31"),
        ({"until": "2026-02-31"}, "Invalid value for until"),
    ],
)
def test_a_value_that_makes_no_sense(values, message):
    with pytest.raises(ValueError, match=message):
        JobFilter.parse(values)


def test_it_is_text_and_back():
    selection = JobFilter.parse({"state": "dead", "since": "2026-07-31", "text": " x\0 ", "unknown": "1", "queue": ""})
    assert JobFilter.parse(selection.as_texts()) == selection
    assert str(selection).startswith("state dead, since 2026-07-31T")
    assert str(JobFilter()) == "all jobs"


# -- In the background


def work_off() -> list[int]:
    """Do what beat does, while workers begin at once whatever waits."""
    counts = []
    while BulkAction.objects.filter(finished_at=None).exists():
        counts.append(bulk.work_off())
        while relay() == ledger.BATCH:
            pass
        Job.objects.filter(state=State.WAITING).update(started_at=NOW)
    return counts


def test_batch_by_batch_and_each_job_once(make, monkeypatch):
    monkeypatch.setattr(ledger, "BATCH", 3)
    make(7)
    make(1, queue="slow")
    make(1, state=State.DONE)

    action = operations.act_on_all("requeue", JobFilter(state="dead", queue="fast"), by="ann")
    assert action.expected == 7
    assert work_off() == [3, 3, 1]

    action.refresh_from_db()
    assert (action.looked_at, action.changed, action.requested_by) == (7, 7, "ann")
    assert Job.objects.filter(state=State.DEAD).count() == 1


def test_what_fails_again_meanwhile_is_left_alone(make):
    [job] = make(1)
    action = operations.act_on_all("requeue", JobFilter(state="dead"), by="ann")
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() + timedelta(seconds=1))
    work_off()

    action.refresh_from_db()
    assert (action.changed, Job.objects.get().state) == (0, State.DEAD)


def test_a_kill_in_the_middle_repeats_nothing(make, monkeypatch):
    monkeypatch.setattr(ledger, "BATCH", 2)
    make(5)
    operations.act_on_all("discard", JobFilter(), by="ann")

    def killed(*args, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(BulkAction, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            bulk.work_off()
    work_off()

    assert Job.objects.filter(state=State.DISCARDED).count() == 5
    assert BulkAction.objects.get().changed == 3  # those of the batch that was cut off are not counted


@pytest.mark.parametrize(
    ("action", "state", "after"),
    [
        ("discard", State.DEAD, State.DISCARDED),
        ("cancel", State.WAITING, State.CANCELLED),
        ("cancel", State.DELAYED, State.CANCELLED),
        ("requeue", State.CANCELLED, State.WAITING),
    ],
)
def test_each_action(make, action, state, after):
    make(2, state=state, finished_at=None if state in (State.WAITING, State.DELAYED) else NOW)
    make(1, state=State.DONE)
    operations.act_on_all(action, JobFilter(), by="ann")
    work_off()
    relay()

    assert sorted(Job.objects.values_list("state", flat=True)) == sorted([after, after, State.DONE])


def test_delayed_ones_run_now(make):
    make(2, state=State.DELAYED, finished_at=None, publish_at=NOW + timedelta(days=1))
    operations.act_on_all("run", JobFilter(), by="ann")
    bulk.work_off()

    assert relay() == 2


def test_jobs_that_still_match_afterwards_are_looked_at_once(make, monkeypatch):
    monkeypatch.setattr(ledger, "BATCH", 2)
    make(5, state=State.DELAYED, finished_at=None, publish_at=NOW + timedelta(days=1))
    operations.act_on_all("run", JobFilter(), by="ann")
    for _ in range(10):
        bulk.work_off()

    action = BulkAction.objects.get()
    assert action.finished_at
    assert (action.looked_at, action.changed) == (5, 5)


def test_it_waits_while_the_relay_has_much_to_do(make, monkeypatch):
    monkeypatch.setattr(bulk.ledger, "BATCH", 2)
    make(3)
    make(2, state=State.DELAYED, finished_at=None, queue="slow")
    operations.act_on_all("requeue", JobFilter(), by="ann")

    assert bulk.work_off() == 0
    relay()
    assert bulk.work_off() == 2


def test_it_waits_while_what_it_sent_before_waits_in_its_queue(make, monkeypatch):
    monkeypatch.setattr(bulk.ledger, "BATCH", 2)
    make(4)
    make(2, queue="slow")
    requeue = operations.act_on_all("requeue", JobFilter(queue="fast"), by="ann")
    assert bulk.work_off() == relay() == 2
    assert bulk.work_off() == 0
    assert Job.objects.filter(state=State.DEAD, queue="fast").count() == 2

    # Actions that need not wait overtake it.
    operations.act_on_all("requeue", JobFilter(queue="slow"), by="ann")
    discard = operations.act_on_all("discard", JobFilter(queue="slow"), by="ann")
    assert [bulk.work_off(), bulk.work_off()] == [2, 0]
    assert relay() == 2
    Job.objects.filter(state=State.WAITING).update(started_at=NOW)
    work_off()
    for action, changed in ((requeue, 4), (discard, 0)):
        action.refresh_from_db()
        assert (action.changed, action.finished_at is not None) == (changed, True)


def test_it_waits_for_a_broker_that_is_away(make, task, monkeypatch):
    def plain(number: int) -> None:
        """Do nothing: only its row matters here."""

    def unreachable(job):
        raise OperationalError

    make(1, task=task(plain).name)
    monkeypatch.setattr("djcelery_jobs.core.outbox.send", unreachable)
    monkeypatch.setattr("djcelery_jobs.core.outbox.breaker.open", lambda: None)
    action = operations.act_on_all("requeue", JobFilter(), by="ann")

    assert bulk.work_off() == 0
    action.refresh_from_db()
    assert (action.finished_at, action.looked_at, Job.objects.get().state) == (None, 0, State.DEAD)


def test_a_filter_of_another_version_ends_with_an_error():
    BulkAction.objects.create(action="discard", filter={"state": "gone"}, requested_by="ann")
    bulk.work_off()

    action = BulkAction.objects.get()
    assert action.finished_at
    assert "Invalid value for state" in action.error


def test_an_action_that_is_none():
    with pytest.raises(ValueError, match="Choose from: requeue, discard, cancel, run"):
        bulk.start("explode", JobFilter(), by="ann")


# -- With other arguments


def test_a_dead_job_is_sent_again_as_a_new_one(make, never, committed):
    [old] = make(1, key="k", error="ValueError: no")
    with committed():
        new_id = operations.send_again_with(old.pk, [8], by="ann")

    old.refresh_from_db()
    new = Job.objects.get(pk=new_id)
    assert (new.args, new.task, new.queue, new.key, new.replaces) == ([8], never.name, "fast", "k", old.pk)
    assert (old.state, old.args) == (State.DISCARDED, [0])
    assert old.error == f"Sent again with other arguments by ann, as {new_id}. Was: ValueError: no"
    with pytest.raises(ValueError, match="Only a dead job"):
        operations.send_again_with(old.pk, [9], by="ann")


def test_one_of_a_plain_task_too(make, task, broker):
    def plain(number: int) -> None:
        done.append(number)

    done: list[int] = []
    [old] = make(1, task=task(plain).name)
    operations.send_again_with(old.pk, [8], by="ann")
    broker.drain()

    old.refresh_from_db()
    assert (done, old.state) == ([8], State.DISCARDED)


@pytest.mark.parametrize(("fields", "args", "error"), [({}, [1, 2], TypeError), ({"task": "gone"}, [1], ValueError)])
def test_with_arguments_that_do_not_fit_nothing_happens(make, fields, args, error):
    [old] = make(1, **fields)
    with pytest.raises(error):
        operations.send_again_with(old.pk, args, by="ann")

    assert Job.objects.get().state == State.DEAD


# -- The command


def run(capsys, *words: str) -> object:
    call_command("jobs", *words, "--json")
    return json.loads(capsys.readouterr().out)


def test_it_lists_what_matches(make, capsys):
    make(2, error="ValueError: password=hunter2", error_class="builtins.ValueError", kwargs={"token": "hunter2"})
    make(1, state=State.CANCELLED, cancelled_by="ann")

    jobs = run(capsys, "list", "--error", "ValueError")
    assert [job["state"] for job in jobs] == ["dead", "dead"]
    assert "hunter2" not in str(jobs)
    assert [job["cancelled_by"] for job in run(capsys, "list", "--state", "cancelled")] == ["ann"]
    assert len(run(capsys, "list", "--state", "all", "--limit", "2")) == 2
    assert run(capsys, "show", jobs[0]["id"])["id"] == jobs[0]["id"]
    call_command("jobs", "list", "--state", "all")
    assert "cancelled  fast" in capsys.readouterr().out
    with pytest.raises(CommandError, match="Invalid value for since"):
        call_command("jobs", "list", "--since", "soon")


def test_it_decides(make, capsys, committed):
    jobs = make(4)
    make(1, state=State.DELAYED, finished_at=None, publish_at=NOW + timedelta(days=1))

    assert run(capsys, "discard", str(jobs[0].pk)) == {"action": "discard", "jobs": 1}
    assert run(capsys, "requeue", "--text", str(jobs[1].pk)) == {"action": "requeue", "jobs": 1}
    assert run(capsys, "run", "--queue", "fast")["jobs"] == 2
    assert run(capsys, "cancel", "--all")["jobs"] == 2
    assert run(capsys, "requeue", "--all", "--cancelled")["jobs"] == 2
    with committed():
        assert run(capsys, "requeue", str(jobs[2].pk), "--args", "[5]")["replaces"] == str(jobs[2].pk)
    assert run(capsys, "requeue", "--all", "--background")["jobs"] is None
    assert BulkAction.objects.get().filter == {"state": "dead"}


def test_it_runs_an_entry(capsys, conf, broker):
    conf(beat_schedule={"prune": {"task": "djcelery_jobs.tasks.prune", "schedule": 600}})
    assert run(capsys, "run", "--entry", "prune")["entry"] == "prune"
    assert len(broker.drain()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cancel"], "No jobs selected"),
        (["requeue", "--args", "[1]"], "for one job"),
        (["requeue", "00000000-0000-0000-0000-000000000000", "--args", "[1]"], "does not exist"),
        (["requeue", "00000000-0000-0000-0000-000000000000", "--kwargs", "[1]"], "must be a JSON object"),
        (["requeue", "00000000-0000-0000-0000-000000000000", "--args", "x"], "must be JSON"),
        (["discard", "00000000-0000-0000-0000-000000000000", "--background"], "is for a filter or --all"),
    ],
)
def test_it_says_what_is_wrong(words, message):
    with pytest.raises(CommandError, match=message):
        call_command("jobs", *words)


def test_the_others_answer_in_json_too(capsys):
    assert run(capsys, "plan") == {}
    assert run(capsys, "connections")["total"] > 0
    with pytest.raises(SystemExit):
        call_command("jobs", "health", "--json")
    health = json.loads(capsys.readouterr().out)
    assert health["parts"]["database"] == "ok"
    assert health["problems"]
