from celery import shared_task


@shared_task
def index(pk): ...


def place(order):
    first = index.delay_on_commit(order.pk)  # DJC108
    print(first.id)
    index.apply_async_on_commit((order.pk,)).get()  # DJC108
    index.delay_on_commit(order.pk)
    second = index.delay(order.pk)
    print(second.id)
    third = index.delay_on_commit(order.pk)
    return third
