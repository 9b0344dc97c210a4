from celery import shared_task


@shared_task
def restock(amounts, **more): ...


def place(pk):
    restock.delay({1: 2})  # DJC203
    amounts = {1: 2}
    restock.apply_async(args=[amounts])  # DJC203
    restock.delay({"1": 2})
    restock.delay({pk: 2})
    restock.delay((1, 2))
