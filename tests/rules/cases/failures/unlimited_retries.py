from celery import shared_task


@shared_task(bind=True, max_retries=None)  # DJC406
def a(self, pk): ...


@shared_task(autoretry_for=(OSError,), retry_backoff=True, retry_kwargs={"max_retries": None})  # DJC406
def b(pk): ...


@shared_task(bind=True)
def c(self, pk):
    raise self.retry(max_retries=None)  # DJC406


@shared_task(bind=True, max_retries=3)
def d(self, pk):
    raise self.retry(max_retries=5)


@shared_task(max_retries=0)
def e(pk): ...
