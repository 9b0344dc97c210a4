from celery import shared_task


def place(pk):
    @shared_task
    def a(pk): ...  # DJC304

    a.delay(pk)


def factory(name):
    @shared_task(name=name)
    def made(pk): ...  # DJC304

    return made


@shared_task
def b(pk):
    def inner(): ...
