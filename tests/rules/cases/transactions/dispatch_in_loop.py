from celery import group, shared_task


@shared_task
def index(pk): ...


def reindex(pks):
    for pk in pks:
        index.delay(pk)  # DJC114
    [index.delay(pk) for pk in pks]  # DJC114
    group(index.s(pk) for pk in pks).delay()
    while pks:
        index.delay(pks.pop())
    index.delay(1)
