from celery import Task, shared_task


class AsyncTask(Task):
    def __call__(self, *args): ...


@shared_task
async def a(pk): ...  # DJC301


@shared_task(base=AsyncTask)
async def b(pk): ...


@shared_task
def c(pk): ...


async def d(pk): ...
