from celery import shared_task


@shared_task
def index(pk): ...


@shared_task
def wait(pk, countdown=None): ...


@shared_task
def loose(pk, **more): ...


@shared_task
@logged
def decorated(pk): ...


def place(pk):
    decorated.delay(pk, eta=3)  # DJC204
    index.delay(pk, countdown=3)  # DJC204
    index.delay(pk, queue="fast")  # DJC204
    wait.delay(pk, countdown=3)
    loose.delay(pk, eta=3)  # DJC204
    index.apply_async(args=[pk], countdown=3)
    index.s(pk).delay(countdown=3)
