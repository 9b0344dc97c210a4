"""Test that what is paused does not start until it is resumed: durable jobs, plain jobs and schedule entries."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.utils import timezone
from kombu.exceptions import OperationalError

from djcelery_jobs import operations
from djcelery_jobs.beat.scheduler import LockedScheduler
from djcelery_jobs.core import pauses
from djcelery_jobs.core.relay import relay
from djcelery_jobs.models import HeldMessage, Job, Lease, Pause, PauseKind, ScheduleState, State
from djcelery_jobs.worker import operators
from djcelery_jobs.worker.heartbeat import Pulse
from tests.lib.durable_jobs import begin, effects, later, the_job

pytestmark = pytest.mark.django_db
QUEUE, TASK, ENTRY = PauseKind.QUEUE, PauseKind.TASK, PauseKind.ENTRY


@pytest.fixture(autouse=True)
def board(monkeypatch):
    """Return the board of a worker."""
    board = pauses.PauseBoard()
    board.open()
    monkeypatch.setattr(pauses, "board", board)
    return board


@pytest.fixture
def plain(task):
    def plain(number: int) -> None:
        made.done.append(number)

    made = task(plain)
    made.done = []
    return made


def paused_now() -> frozenset[pauses.Name]:
    """Return what a worker reads."""
    return operators.read()[0]


# -- Durable jobs


@pytest.mark.parametrize("kind", ["queue", "task"])
def test_nothing_begins_and_then_everything(add, broker, committed, kind):
    name = {"queue": "fast", "task": add.name}[kind]
    with committed():
        add.delay("a")
    getattr(operations, f"pause_{kind}")(name, by="ann")
    with committed():
        add.delay("b")  # dispatching goes on
    while broker.run_one():
        pass

    assert (effects(), the_first().state, the_first().held, the_first().starts) == ([], State.WAITING, True, 0)
    later(100_000)
    assert relay() == 0  # it does not go round and round
    assert pauses.release_held() == 0

    getattr(operations, f"resume_{kind}")(name, by="ann")
    assert pauses.release_held() == 2
    assert relay() == 2
    while broker.run_one():
        pass
    assert effects() == ["a", "b"]


def the_first() -> Job:
    return Job.objects.order_by("created_at").first()


def test_another_queue_and_another_task_go_on(add, broker, committed):
    operations.pause_queue("slow", by="ann")
    operations.pause_task("djcelery_jobs.tasks.prune", by="ann")
    with committed():
        add.delay("a")
    broker.drain()

    assert effects() == ["a"]


def test_a_run_that_was_cut_off_does_not_begin_again_meanwhile(add, broker, committed):
    with committed():
        add.delay("a")
    begin(the_job())
    operations.pause_queue("fast", by="ann")
    later(1000)

    assert begin(the_job()) is None

    assert (the_job().held, the_job().starts, the_job().started_at) == (True, 1, None)


def test_a_held_job_can_be_cancelled(add, broker, committed):
    operations.pause_queue("fast", by="ann")
    with committed():
        add.delay("a")
    broker.run_one()
    assert operations.cancel([the_job().pk], by="ann") == 1

    assert (the_job().state, the_job().held) == (State.CANCELLED, False)
    operations.resume_queue("fast", by="ann")
    assert pauses.release_held() == 0


def test_a_pause_costs_a_first_start_no_statement(add, broker, committed, django_assert_num_queries):
    operations.pause_queue("slow", by="ann")
    with committed():
        add.delay("a")
    job = the_job()
    with django_assert_num_queries(1):
        assert begin(job)


# -- Plain jobs


@pytest.mark.parametrize("kind", ["queue", "task"])
def test_a_plain_job_is_kept_and_then_runs(plain, broker, board, kind):
    name = {"queue": "fast", "task": plain.name}[kind]
    plain.apply_async([7], priority=3, headers={"own": "header"})
    getattr(operations, f"pause_{kind}")(name, by="ann")
    board.write(paused_now())
    broker.run_one()

    held = HeldMessage.objects.get()
    assert (plain.done, held.task, held.queue) == ([], plain.name, "fast")
    assert pauses.release_held() == 0

    getattr(operations, f"resume_{kind}")(name, by="ann")
    board.write(paused_now())
    assert pauses.release_held() == 1
    run = broker.run_one()
    assert (plain.done, run.headers["id"], HeldMessage.objects.count()) == ([7], held.task_id, 0)
    assert run.headers["own"] == "header"


def test_what_follows_it_follows_it(plain, broker, board):
    (plain.si(1) | plain.si(2)).apply_async()
    operations.pause_task(plain.name, by="ann")
    board.write(paused_now())
    broker.run_one()
    operations.resume_task(plain.name, by="ann")
    board.write(paused_now())
    pauses.release_held()
    broker.drain()

    assert plain.done == [1, 2]


def test_without_a_database_it_returns_to_its_queue(plain, broker, board, monkeypatch):
    def unreachable(**fields):
        raise DatabaseError

    plain.delay(7)
    board.write({(TASK, plain.name)})
    monkeypatch.setattr(HeldMessage.objects, "create", unreachable)

    run = broker.run_one()

    assert "it is paused" in str(run.result)
    assert plain.done == []


def test_while_the_broker_is_away_it_stays_kept(plain, broker, board, monkeypatch):
    def unreachable(*args, **options):
        raise OperationalError

    plain.delay(7)
    board.write({(TASK, plain.name)})
    broker.run_one()
    monkeypatch.setattr(pauses, "maybe_signature", lambda signature, app: SimpleNamespace(apply_async=unreachable))
    monkeypatch.setattr(pauses.outbox, "breaker", SimpleNamespace(closed=True, open=lambda: None))

    assert pauses.release_held() == 0
    assert HeldMessage.objects.count() == 1


# -- The board


def test_the_board_shows_what_is_paused_now(board):
    assert board.is_empty
    for number in range(5):
        board.write({(QUEUE, f"q{number}"), (TASK, "t")})
        assert board.shows((QUEUE, f"q{number}"))
        assert board.shows((QUEUE, "other"), (TASK, "t"))
        assert not board.shows((QUEUE, f"q{number - 1}"), (QUEUE, "t"))
    board.write(set())
    assert board.is_empty


def test_the_board_holds_as_much_as_can_be_paused(board):
    board.write({(QUEUE, f"q{number}") for number in range(pauses.LIMIT)})
    assert all(board.shows((QUEUE, f"q{number}")) for number in range(pauses.LIMIT))


def test_in_another_process_nothing_is_paused():
    board = pauses.PauseBoard()
    board.write({(QUEUE, "fast")})
    assert board.is_empty


def test_there_is_a_limit(monkeypatch):
    monkeypatch.setattr(pauses, "LIMIT", 1)
    operations.pause_queue("fast", by="ann")
    with pytest.raises(ValueError, match="that is the limit"):
        operations.pause_queue("slow", by="ann")


# -- A worker


@pytest.fixture
def worker(monkeypatch):
    """Return a consumer that was started for two queues."""
    pulse = Pulse(assigned=frozenset({"fast", "slow"}))
    monkeypatch.setattr(operators, "pulse", pulse)
    monkeypatch.setattr(operators, "decisions", operators.Decisions())
    monkeypatch.setattr(operators, "connections", SimpleNamespace(close_all=lambda: None))
    calls = []
    queues = SimpleNamespace(
        consume_from={"fast": 1, "slow": 1},
        select=lambda names: calls.append(("select", sorted(names))),
        deselect=lambda names: calls.append(("deselect", sorted(names))),
    )
    return SimpleNamespace(
        calls=calls,
        pulse=pulse,
        app=SimpleNamespace(amqp=SimpleNamespace(queues=queues)),
        cancel_task_queue=lambda name: (calls.append(("cancel", name)), queues.consume_from.pop(name)),
        add_task_queue=lambda name: calls.append(("add", name)),
    )


def test_a_worker_leaves_a_paused_queue_and_comes_back(worker, board):
    operations.pause_queue("fast", by="ann")
    operators.look()
    operators.follow_pauses(worker)
    operators.follow_pauses(worker)
    assert worker.calls == [("cancel", "fast")]
    assert board.shows((QUEUE, "fast"))
    worker.pulse.tick(["slow"])
    assert worker.pulse.consuming  # as it should

    operations.resume_queue("fast", by="ann")
    operators.look()
    operators.follow_pauses(worker)
    assert worker.calls[1:] == [("select", ["fast", "slow"]), ("add", "fast")]
    worker.pulse.tick(["slow"])
    assert not worker.pulse.consuming


def test_a_worker_that_starts_leaves_it_from_the_beginning(worker):
    operations.pause_queue("fast", by="ann")
    operators.look()
    operators.leave_paused_queues(worker.app)

    assert worker.calls == [("deselect", ["fast"])]
    operators.follow_pauses(worker)
    assert worker.calls == [("deselect", ["fast"])]


def test_without_a_database_it_goes_on_as_before(worker, monkeypatch, caplog):
    def unreachable():
        raise DatabaseError

    operations.pause_queue("fast", by="ann")
    operators.look()
    monkeypatch.setattr(operators, "read", unreachable)
    operators.look()
    operators.look()

    assert operators.decisions.paused_queues == {"fast"}
    assert caplog.text.count("read later") == 1  # once and not twice a second


# -- The schedule


@pytest.fixture
def beat(conf, broker, monkeypatch):
    monkeypatch.setattr("djcelery_jobs.beat.scheduler.close_old_connections", lambda: None)
    every_ten = {"task": "djcelery_jobs.tasks.prune", "schedule": timedelta(minutes=10)}
    conf(beat_schedule={"prune": every_ten})

    def tick() -> None:
        Lease.objects.all().delete()
        beat = LockedScheduler(current_app._get_current_object())
        for _ in range(2):
            beat.tick()

    tick()
    return tick


def make_due() -> None:
    ScheduleState.objects.update(last_run_at=timezone.now() - timedelta(minutes=11))


def test_a_paused_entry_is_left_out_and_not_sent_later(beat, broker):
    operations.pause_entry("prune", by="ann")
    make_due()
    beat()
    assert broker.waiting()["slow"] == 0
    state = ScheduleState.objects.get()
    assert (state.runs, state.ran_at) == (0, None)
    assert timezone.now() - state.last_run_at < timedelta(minutes=1)  # the next run is counted from here

    operations.resume_entry("prune", by="ann")
    beat()
    assert broker.waiting()["slow"] == 0
    make_due()
    beat()
    assert broker.waiting()["slow"] == 1
    assert ScheduleState.objects.get().ran_at


def test_an_entry_runs_now_also_while_it_is_paused(beat, broker, caplog):
    operations.pause_entry("prune", by="ann")
    before = ScheduleState.objects.get().last_run_at

    operations.run_entry("prune", by="ann")

    [run] = broker.drain()
    assert run.task == "djcelery_jobs.tasks.prune"
    assert run.headers["__django_structlog__"]["request_id"].startswith("beat:prune:")
    assert ScheduleState.objects.get().last_run_at == before
    assert "ann ran the schedule entry prune now" in caplog.text


def test_an_entry_that_is_not_there_does_not_run(beat, conf):
    with pytest.raises(ValueError, match="No entry of the schedule is called 'x'"):
        operations.run_entry("x", by="ann")
    conf(beat_schedule={"odd": {"task": "gone", "schedule": 10}})
    with pytest.raises(ValueError, match="no task is called that"):
        operations.run_entry("odd", by="ann")


# -- Who and what


def test_it_is_written_down_who(caplog):
    assert operations.pause_queue("fast", by="ann")
    assert not operations.pause_queue("fast", by="bob")

    [pause] = operations.pauses_now()
    assert (pause.kind, pause.name, pause.paused_by, str(pause)) == ("queue", "fast", "ann", "queue fast")
    assert operations.resume_queue("fast", by="bob")
    assert not operations.resume_queue("fast", by="bob")
    assert caplog.messages == ["ann paused the queue fast", "bob resumed the queue fast"]


@pytest.mark.parametrize(
    ("kind", "name", "hint"),
    [
        ("queue", "fats", "No queue is called 'fats'. Did you mean fast?"),
        ("task", "zzzz", "No task is called 'zzzz'. Known: "),
        ("entry", "zzzz", "No schedule entry is called 'zzzz'."),
    ],
)
def test_what_is_not_there_cannot_be_paused(kind, name, hint):
    with pytest.raises(CommandError) as error:
        call_command("jobs", "pause", kind, name)
    assert hint in str(error.value)
    assert not Pause.objects.exists()


def test_the_command(capsys):
    call_command("jobs", "pause")
    call_command("jobs", "pause", "queue", "fast")
    call_command("jobs", "pause", "queue", "fast")
    call_command("jobs", "pause", "--json")
    call_command("jobs", "resume", "queue", "fast")
    call_command("jobs", "resume", "queue", "fast", "--json")

    printed = capsys.readouterr().out
    assert printed.startswith("Nothing is paused.\nThe queue fast is paused.\nThe queue fast is paused already.\n[")
    assert '"paused_by": ' in printed
    assert "The queue fast is resumed." in printed
    assert '"changed": false' in printed
    with pytest.raises(CommandError, match="jobs pause queue NAME"):
        call_command("jobs", "pause", "queue")
