"""Play a worker for durable jobs, and look at what became of them."""

from datetime import timedelta

from celery import current_app
from django.contrib.auth import get_user_model

from djcelery_jobs.core import ledger
from djcelery_jobs.models import Job


def effects() -> list[str]:
    return sorted(get_user_model().objects.values_list("username", flat=True))


def the_job() -> Job:
    return Job.objects.get()


def deliver(job: Job, redelivered: bool = False, message_id: str = "1"):
    """Do what a worker does with one delivery of a message of the job."""
    task, info = current_app.tasks[job.task], {"redelivered": redelivered}
    properties = {"message_id": message_id}
    task.push_request(id=str(job.pk), called_directly=False, delivery_info=info, properties=properties)
    try:
        return task(*job.args, **job.kwargs)
    finally:
        task.pop_request()


def begin(job: Job, *, one_transaction: bool = True, worker: str = "", message_id: str = "1") -> Job | None:
    """Begin a run as a worker does, and no more."""
    delivery = ledger.Delivery(
        job_id=job.pk,
        task=job.task,
        one_transaction=one_transaction,
        worker=worker,
        message_id=message_id,
        queue=job.queue,
    )
    return ledger.begin(delivery)


def later(seconds: float) -> None:
    """Let time pass for every job."""
    by = timedelta(seconds=seconds)
    for job in Job.objects.all():
        job.started_at = job.started_at and job.started_at - by
        job.publish_at -= by
        job.save()
