"""Test where failed jobs are kept, and what a person can do with them in the admin and at the command line."""

import pytest
from celery.exceptions import OperationalError
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.utils import timezone

from djcelery_jobs.core import dead_letters
from djcelery_jobs.core.durable import DurableTask
from djcelery_jobs.models import Job, State

pytestmark = pytest.mark.django_db


@pytest.fixture
def fails(task):
    """Return a plain task that fails until told otherwise."""

    def fails(number: int) -> None:
        if made.failing:
            raise ValueError(f"no {number}")
        made.done.append(number)

    made = task(fails)
    made.failing, made.done = True, []
    return made


@pytest.fixture
def dead(fails, broker) -> Job:
    fails.delay(7)
    broker.drain()
    return Job.objects.get()


@pytest.fixture
def durable(task, broker) -> Job:
    def never(number: int) -> None:
        """Do nothing: only its row matters here."""

    made = task(never, base=DurableTask)
    return Job.objects.create(task=made.name, args=[1], queue="fast", state=State.DEAD, publish_at=timezone.now())


def test_a_plain_task_that_failed_is_kept(dead):
    assert (dead.state, dead.args, dead.queue, dead.error) == (State.DEAD, [7], "fast", "ValueError: no 7")
    assert "raise ValueError" in dead.traceback


def test_an_id_that_is_no_uuid_is_kept_too(fails, broker):
    fails.apply_async([1], task_id="my-own")
    broker.drain()

    assert Job.objects.get().state == State.DEAD


def test_a_plain_one_is_sent_again_once(dead, fails, broker):
    fails.failing = False

    assert dead_letters.requeue(Job.objects.all(), by="ann") == 1
    broker.drain()

    assert fails.done == [7]
    dead.refresh_from_db()
    assert (dead.state, dead.error) == (State.DISCARDED, "Sent again by ann. Was: ValueError: no 7")


def test_a_plain_one_stays_dead_while_the_broker_is_away(dead, monkeypatch):
    def unreachable(job):
        raise OperationalError("unreachable")

    monkeypatch.setattr("djcelery_jobs.core.outbox.send", unreachable)
    with pytest.raises(OperationalError):
        dead_letters.requeue(Job.objects.all(), by="ann")

    dead.refresh_from_db()
    assert dead.state == State.DEAD


def test_one_whose_arguments_no_longer_fit_stays_dead_and_says_why(dead, fails, broker):
    Job.objects.update(args=[7, 8])

    assert dead_letters.requeue(Job.objects.all(), by="ann") == 0

    dead.refresh_from_db()
    assert (dead.state, dead.error[:10]) == (State.DEAD, "TypeError:")


def test_those_of_a_queue_that_is_gone_go_where_their_task_goes_now(dead, durable, fails, broker):
    fails.failing = False
    Job.objects.update(queue="gone")

    assert dead_letters.requeue(Job.objects.all(), by="ann") == 2
    broker.drain()

    assert fails.done == [7]
    assert set(Job.objects.values_list("queue", flat=True)) == {"fast"}


def test_what_no_database_can_hold_is_kept_without_it(fails, broker):
    dead_letters.keep(fails.name, "x", ["a\0\0", "b\\u0000", float("inf"), "\udce9", "\U0001f600"], {}, "\0\udce9")

    assert Job.objects.get().args == ["a\ufffd\ufffd", "b\\u0000", "Infinity", "\ufffd", "\U0001f600"]


# -- The admin


@pytest.fixture
def as_user(client, django_user_model):
    """Return a client of somebody who may see jobs and has the named permissions."""

    def login(*permissions: str):
        user = django_user_model.objects.create_user("ann", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=["view_job", *permissions]))
        client.force_login(user)
        return client

    return login


def choose(client, action: str, *jobs: Job):
    data = {"action": action, "_selected_action": [str(job.pk) for job in jobs]}
    return client.post("/admin/djcelery_jobs/job/", data, follow=True)


def test_the_list_can_be_narrowed_down(as_user, durable):
    client = as_user()
    assert b"tests.never" in client.get("/admin/djcelery_jobs/job/?state=dead&queue=fast&q=tests").content
    assert b"tests.never" not in client.get("/admin/djcelery_jobs/job/?queue=email").content


def test_requeue_and_discard_need_permission(as_user, durable):
    client = as_user()
    for action in ("requeue", "discard"):
        choose(client, action, durable)
    durable.refresh_from_db()
    assert durable.state == State.DEAD
    assert client.get(f"/admin/djcelery_jobs/job/{durable.pk}/delete/").status_code == 403
    assert client.get("/admin/djcelery_jobs/job/add/").status_code == 403


@pytest.mark.parametrize(("action", "state"), [("requeue", State.DELAYED), ("discard", State.DISCARDED)])
def test_who_may_does_it_and_it_is_logged(as_user, durable, caplog, action, state):
    answer = choose(as_user("requeue_job", "discard_job"), action, durable)

    durable.refresh_from_db()
    assert durable.state == state
    assert b"1 dead job " in answer.content
    assert "ann" in caplog.text


def test_the_admin_says_that_the_broker_is_away(as_user, dead, monkeypatch):
    def unreachable(job):
        raise OperationalError("unreachable")

    monkeypatch.setattr("djcelery_jobs.core.outbox.send", unreachable)
    assert b"The broker is not reachable" in choose(as_user("requeue_job"), "requeue", dead).content


def test_one_job_can_be_looked_at_and_not_changed(as_user, dead):
    page = as_user().get(f"/admin/djcelery_jobs/job/{dead.pk}/change/")

    assert b"ValueError: no 7" in page.content
    assert b'name="_save"' not in page.content


def test_visitors_see_nothing(client, dead):
    assert client.get("/admin/djcelery_jobs/job/").status_code == 302


# -- The command


def test_the_command_says_that_the_broker_is_away(dead, monkeypatch):
    def unreachable(job):
        raise OperationalError("unreachable")

    monkeypatch.setattr("djcelery_jobs.core.outbox.send", unreachable)
    with pytest.raises(CommandError, match="The broker is not reachable"):
        call_command("jobs", "requeue", "--all")


def test_the_command_lists_and_shows(dead, capsys):
    call_command("jobs", "list", "--task", "tests.fails")
    assert f"{dead.pk}" in capsys.readouterr().out
    call_command("jobs", "list", "--state", "done")
    assert capsys.readouterr() == ("", "No done job matches.\n")
    call_command("jobs", "show", str(dead.pk))
    assert "raise ValueError" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--task", "tests.gone"], "No dead job matches.\n"),
        (["--state", "all", "--queue", "slow"], "No job matches.\n"),
        (["--state", "cancelled"], "No cancelled job matches.\n"),
        (["--limit", "0"], ""),  # one may match
    ],
)
def test_a_list_that_is_empty_says_so_and_only_to_people(dead, capsys, words, sentence):
    call_command("jobs", "list", *words)
    assert capsys.readouterr() == ("", sentence)
    call_command("jobs", "list", *words, "--json")
    assert capsys.readouterr() == ("[]\n", "")


def test_every_action_says_something_where_there_is_nothing_to_do(db, capsys):
    said = {}
    for words in (
        ["pause"],
        ["requeue", "--all"],
        ["discard", "--all"],
        ["cancel", "--all"],
        ["run", "--all"],
        ["list"],
    ):
        call_command("jobs", *words)
        said[words[0]] = "".join(capsys.readouterr())
    assert said == {
        "pause": "Nothing is paused.\n",
        "requeue": "0 dead jobs sent again.\n",
        "discard": "0 dead jobs discarded.\n",
        "cancel": "0 jobs cancelled.\n",
        "run": "0 delayed jobs made due now.\n",
        "list": "No dead job matches.\n",
    }


def test_the_command_shows_no_secret(durable, capsys):
    Job.objects.update(kwargs={"token": "hunter2"}, error="password=hunter2", traceback="redis://:hunter2@broker")
    call_command("jobs", "list")
    call_command("jobs", "show", str(durable.pk))

    printed = capsys.readouterr().out
    assert "password=[hidden]" in printed
    assert "hunter2" not in printed


@pytest.mark.parametrize("which", ["id", "task", "all"])
@pytest.mark.parametrize(("action", "state"), [("requeue", State.DELAYED), ("discard", State.DISCARDED)])
def test_the_command_requeues_and_discards(durable, capsys, which, action, state):
    call_command("jobs", action, *{"id": [str(durable.pk)], "task": ["--task", durable.task], "all": ["--all"]}[which])

    durable.refresh_from_db()
    assert durable.state == state
    assert "1 dead job " in capsys.readouterr().out


@pytest.mark.parametrize("words", [["list", "--limit", "-5"], ["plan", "--hours", "x"], ["connections", "--web", "-1"]])
def test_the_command_counts_from_zero(words):
    with pytest.raises(CommandError, match="must be a number from 0"):
        call_command("jobs", *words)


def test_the_command_wants_to_know_which(durable):
    with pytest.raises(CommandError, match="No jobs selected"):
        call_command("jobs", "discard")
    with pytest.raises(CommandError, match="No job has the ID"):
        call_command("jobs", "show", "00000000-0000-0000-0000-000000000000")
