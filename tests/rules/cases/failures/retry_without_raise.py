from celery import shared_task


@shared_task(bind=True)
def a(self, pk):
    self.retry()  # DJC413
    raise self.retry()


@shared_task(bind=True)
def b(self, pk):
    self.retry(throw=False)
    return self.retry()


@shared_task
def c(client):
    client.retry()
