"""Run durable tasks: `@shared_task(base=DurableTask)`. See ledger.py for what is promised, outbox.py for dispatch."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NoReturn

from celery.canvas import Signature, group, maybe_signature
from celery.exceptions import Ignore, MaxRetriesExceededError, Retry, SoftTimeLimitExceeded
from celery.result import AsyncResult
from django.core.exceptions import SynchronousOnlyOperation
from django.db import InterfaceError, OperationalError, close_old_connections, transaction
from django.utils import timezone
from kombu.utils.functional import maybe_list

from djcelery_jobs.core import ledger, outbox
from djcelery_jobs.core.current_job import SnoozedError
from djcelery_jobs.core.task import JobTask, is_durable
from djcelery_jobs.core.worker_identity import worker_identity
from djcelery_jobs.models import Job, State, atomic, database_alias, job_id

logger = logging.getLogger(__name__)

# Seconds between the attempts to change a row while the database is down: in sum well below the limit of short jobs.
DATABASE_PAUSES = (0, 0.5, 1, 2)
DATABASE_AWAY = (OperationalError, InterfaceError)
RETRY_OPTIONS = {"countdown", "eta", "max_retries", "throw"}


class DurableTask(JobTask):
    """Run a task that is not lost, and whose effect on the database happens once.

    Dispatch it with `delay`, `apply_async` or their `_on_commit` forms, inside the transaction that it belongs to:
    each of them writes a row there, and the job is published when the transaction commits.

    one_transaction: the whole task is one transaction, in which the job also becomes done. Turn it off for a task that
        is long or talks to other systems. Such a task may run again after a kill, so it takes its effects one by one,
        with `effect_once` or a condition of its own.
    """

    abstract = True
    durable = True
    one_transaction = True
    # Whatever the app does with other tasks: a message that is acknowledged late comes back at once after a kill, and
    # needs no relay.
    acks_late = True
    reject_on_worker_lost = True

    def apply_async(
        self, args: Any = None, kwargs: Any = None, task_id: str | None = None, **options: Any
    ) -> AsyncResult:
        """Dispatch a job with Celery's options, and with `key`: at most one job with the same key waits to begin.

        Return the job that will run. Raise TypeError or ValueError for a job that could never be sent or run.
        """
        with self._advice_for_async_code():
            [job] = outbox.write(self, [(args, kwargs)], task_id=task_id, **options)
        return self.AsyncResult(str(job.pk))

    def apply_async_many(self, calls: Iterable[tuple[Any, ...]], **options: Any) -> list[AsyncResult]:
        """Dispatch a job for each tuple of positional arguments, in few statements."""
        with self._advice_for_async_code():
            jobs = outbox.write(self, [(args, {}) for args in calls], **options)
        return [self.AsyncResult(str(job.pk)) for job in jobs]

    @contextmanager
    def _advice_for_async_code(self) -> Iterator[None]:
        try:
            yield
        except SynchronousOnlyOperation as error:
            message = f"{self.name} is dispatched in async code. Write `await task.adelay(...)` or `aapply_async(...)`."
            raise SynchronousOnlyOperation(message) from error

    # The row belongs to the transaction; Celery's own versions would write it after the commit.
    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:
        self.apply_async(args, kwargs)

    def apply_async_on_commit(self, *args: Any, **options: Any) -> None:
        self.apply_async(*args, **options)

    def before_start(self, *args: Any) -> None:
        """Do nothing: the row counts the runs, also those that the broker does not know of."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._is_no_job():
            with atomic() if self.one_transaction else nullcontext():
                return self.run(*args, **kwargs)
        delivery, transaction = self._delivery(), ExitStack()
        try:
            first_run = self._begin_first_run(delivery, transaction)
            job = first_run or self._begin(delivery, args, kwargs)
        except ledger.GivenUpError as error:
            self._give_up(error.job)
            raise
        if job is None:
            self._take_followers(None)
            logger.info("nothing to do: done, dead or running elsewhere")
            return None
        self.request.retries = job.attempts  # an old copy of the message does not know of all
        self.request.begun = True
        try:
            return self._run(job, transaction, is_locked=first_run is not None)
        except Retry as retry:
            _patiently(ledger.schedule_retry, job, at=_when(retry), error=retry.exc)
            raise
        except SnoozedError as snoozed:
            _patiently(ledger.snooze, job, at=snoozed.until)
            raise
        except ledger.CancelledError as error:
            _patiently(ledger.finish_cancelled, job.pk, run_has_ended=True)
            raise Ignore from error
        except Exception as error:
            self._fail(job, error)
            if job.state != State.DEAD:
                logger.warning("failed, but the job was cancelled or another run has it", exc_info=True)
                raise Ignore from error
            raise

    def _fail(self, job: Job, error: BaseException) -> None:
        _patiently(ledger.mark_dead, job, error)

    def _give_up(self, job: Job | None) -> None:
        """Let the run of a job that was given up fail as any other does, with its callbacks for errors."""
        self._take_followers(job)

    def _is_no_job(self) -> bool:
        """Return whether the task is called as a function, also by itself, or inline by `apply` in a test."""
        request = self.request
        if request.called_directly or getattr(request, "begun", False):
            return True
        return bool(request.is_eager) and not Job.objects.filter(pk=job_id(request.id)).exists()

    def _delivery(self) -> ledger.Delivery:
        """Return the message that brought the job here."""
        request, message = self.request, self.request.delivery_info or {}
        return ledger.Delivery(
            job_id=job_id(request.id),
            task=self.name,
            one_transaction=self.one_transaction,
            redelivered=bool(message.get("redelivered")),
            message_id=(request.properties or {}).get("message_id") or "",
            worker=worker_identity(request.hostname or ""),
            queue=message.get("routing_key") or "",
        )

    def _begin_first_run(self, delivery: ledger.Delivery, transaction: ExitStack) -> Job | None:
        """Begin the run of an untouched job together with its transaction, and return the job, if that is possible."""
        if not delivery.one_transaction or delivery.redelivered:
            return None
        job: Job | None = _patiently(lambda: transaction.enter_context(ledger.first_run(delivery)))
        if job is None:
            transaction.close()
        return job

    def _begin(self, delivery: ledger.Delivery, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Job | None:
        """Begin the run of a message, and return its job. Raise Ignore when the database stays down."""
        job = _patiently(ledger.begin, delivery)
        if job or delivery.message_id:  # outbox.py gives each message an id; Celery gives none
            return job
        logger.warning("this message was not sent by dispatching a durable job; it gets a row now, if it has none")
        _patiently(outbox.create_missing_row, self, delivery.job_id, args, kwargs, **self._followers_of_message())
        return _patiently(ledger.begin, delivery)

    def _run(self, job: Job, transaction: ExitStack, *, is_locked: bool) -> Any:
        """Run the task as its row says, and complete the job.

        transaction: in which the job becomes done. It has begun, and has locked the row, if `is_locked` says so.
        """
        try:
            with transaction:
                followers = self._take_followers(job)
                args, kwargs = outbox.arguments(job)  # not the message's, which whoever may write there could change
                result = None if self.one_transaction else self._perform(job, args, kwargs)
                if not is_locked and not transaction.enter_context(ledger.complete_in_transaction(job)):
                    self.request.begun = False  # the run that has ended it is counted
                    return None
                if self.one_transaction:
                    result = self._perform(job, args, kwargs)
                self._dispatch(followers, result)
        except (*DATABASE_AWAY, SoftTimeLimitExceeded) as error:
            # At the lock, the commit or the rollback, where Celery's autoretry does not look. And each run is out of
            # time while the database, or whatever it waits for, stands still.
            raise self.retry(exc=error, countdown=2**self.request.retries) from error
        return result

    def _perform(self, job: Job, args: Any, kwargs: Any) -> Any:
        return self.run(*args, **kwargs)

    def _followers_of_message(self) -> dict[str, Any]:
        """Return what the message says that follows the task, by the names of the options that its row keeps."""
        request = self.request
        return {"chain": request.chain, "link": request.callbacks, "link_error": request.errbacks}

    def _take_followers(self, job: Job | None) -> list[Signature]:
        """Return what follows the task by its row: the next of its chain, and its callbacks.

        Celery would dispatch these after the task, where a kill forgets them, and after each delivery, also one that
        had nothing to do.
        """
        options = outbox.follower_options(job) if job else {}
        followers, chain = maybe_list(options.get("link")) or [], options.get("chain")
        if chain:
            following = maybe_signature(chain.pop(), app=self.app)
            followers.append(following.set(chain=chain) if chain else following)
        self.request.callbacks = self.request.chain = None
        self.request.errbacks = maybe_list(options.get("link_error"))
        return [single for follower in followers for single in _singles(maybe_signature(follower, app=self.app))]

    def _dispatch(self, followers: list[Signature], result: Any) -> None:
        for follower in followers:
            dispatch = partial(follower.apply_async, (result,), root_id=self.request.root_id)
            if is_durable(self.app.tasks.get(_first(follower).task)):
                dispatch()  # a row in this transaction
            else:
                transaction.on_commit(dispatch, using=database_alias())

    def retry(self, *args: Any, exc: Exception | None = None, **options: Any) -> Retry:
        """Retry the job as Celery does, but keep the delay in the row and not in the broker.

        Raise Retry, or `exc` when no retry is left. Raise TypeError for other options than `countdown`, `eta` and
        `max_retries`: only this message would know them, and there may be more messages for the job.
        """
        if args or options.keys() - RETRY_OPTIONS:
            raise TypeError(f"{self.name} is durable: it is retried as it is. Dispatch a job with other arguments.")
        limit = self.max_retries if options.get("max_retries") is None else options["max_retries"]
        if self.request.called_directly or (limit is not None and self.request.retries >= limit):
            raise exc or MaxRetriesExceededError(f"{self.name} was retried {limit} times.")
        countdown = options.get("countdown")
        when = options.get("eta") or (self.default_retry_delay if countdown is None else countdown)
        # Inline, in tests, Celery runs the signature at once.
        signature = self.signature_from_request(retries=self.request.retries + 1) if self.request.is_eager else None
        raise Retry(exc=exc, when=when, is_eager=self.request.is_eager, sig=signature)

    def replace(self, sig: Signature) -> NoReturn:
        """Raise TypeError: Celery would send the other task under the id of this job."""
        raise TypeError(f"{self.name} is durable and cannot be replaced. Dispatch {sig.task} and return.")


def _singles(signature: Signature) -> Iterator[Signature]:
    """Yield what is dispatched at once, one by one: of a group, its members."""
    if isinstance(signature, group):
        for member in signature.tasks:
            yield from _singles(member)
    else:
        yield signature


def _first(signature: Signature) -> Signature:
    """Return the task that a chain begins with, or the signature itself."""
    return _first(signature.tasks[0]) if signature.task == "celery.chain" else signature


def _patiently(change: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Make a change in the ledger, also while the database restarts.

    Without the database a run can neither begin nor record how it ended, and that is no failure of the job. Raise
    Ignore when the database stays down until time is up: the message is dropped, the row is as it was, and the relay
    publishes the job again when it is due.
    """
    try:
        try:
            return _with_pauses(change, *args, **kwargs)
        except (*DATABASE_AWAY, SoftTimeLimitExceeded) as error:
            logger.warning("no database, the relay sends this job again: %s", error)
            raise Ignore from error
    except SoftTimeLimitExceeded as error:  # it came while the line was written
        raise Ignore from error


def _with_pauses(change: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    for pause in DATABASE_PAUSES:
        try:
            return change(*args, **kwargs)
        except DATABASE_AWAY:
            close_old_connections()
            time.sleep(pause)
    return change(*args, **kwargs)


def _when(retry: Retry) -> datetime:
    return retry.when if isinstance(retry.when, datetime) else timezone.now() + timedelta(seconds=retry.when)
