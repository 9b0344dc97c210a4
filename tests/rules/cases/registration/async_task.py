from celery import Task, shared_task


class AsyncTask(Task):
    def __call__(self, *args): ...


@shared_task
async def a(pk): ...  # DJC301


@shared_task(base=AsyncTask)
async def b(pk): ...


@shared_task
@logged
async def between(pk): ...  # DJC301


@shared_task
@async_to_sync
async def run(pk): ...


@shared_task
def c(pk): ...


async def d(pk): ...
