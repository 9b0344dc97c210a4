from celery import shared_task


class Shop:
    @shared_task
    def a(self, pk): ...  # DJC303

    @shared_task(bind=True)
    def b(self, pk): ...  # DJC303

    @staticmethod
    @shared_task
    def c(pk): ...

    def d(self, pk): ...


@shared_task
def e(pk): ...
