from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded


@shared_task(soft_time_limit=60)
def a(pks):
    for pk in pks:
        try:
            work(pk)
        except Exception as error:  # DJC403
            note(error)


@shared_task
def b(pks):
    for pk in pks:
        try:
            work(pk)
        except Exception as error:
            note(error)


@shared_task(soft_time_limit=60)
def c(pks):
    for pk in pks:
        try:
            work(pk)
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            note(error)


@shared_task(soft_time_limit=60)
def d(pks):
    for pk in pks:
        try:
            work(pk)
        except Exception as error:
            note(error)
            return


@shared_task(soft_time_limit=60)
def e(pk):
    try:
        work(pk)
    except Exception as error:
        note(error)
