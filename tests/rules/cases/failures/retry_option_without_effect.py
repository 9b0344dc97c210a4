# shop/jobs.py
from celery import Task, shared_task


class Retrying(Task):
    autoretry_for = (OSError,)


@shared_task(bind=True, retry_backoff=2, max_retries=5)  # DJC415
def by_hand(self, pk):
    try:
        work(pk)
    except OSError as exc:
        raise self.retry(exc=exc)


@shared_task(retry_backoff_max=60)  # DJC415
def capped(pk): ...


@shared_task(retry_jitter=True)  # DJC415
def jittered(pk): ...


@shared_task(autoretry_for=(OSError,), retry_backoff=3600)  # DJC415
def slow(pk): ...


@shared_task(autoretry_for=(OSError,), retry_backoff=3600, retry_backoff_max=7200)
def slower(pk): ...


@shared_task(autoretry_for=(OSError,), retry_backoff=60)
def right(pk): ...


@shared_task(base=Retrying, retry_backoff=60)
def inherited(pk): ...


@shared_task(bind=True, max_retries=5, default_retry_delay=60)
def plain(self, pk): ...


@shared_task(retry_backoff=False)
def off(pk): ...


@shared_task(base=elsewhere.Unseen, retry_backoff=2)
def unknown(pk): ...
