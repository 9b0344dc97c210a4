from celery import group, shared_task
from celery.result import AsyncResult, allow_join_result


@shared_task
def price(pk): ...


@shared_task
def a(pk, key):
    price.delay(pk).get()  # DJC506
    result = price.apply_async(args=[pk])
    result.get(timeout=3)  # DJC506
    AsyncResult(key).get()  # DJC506
    group(price.s(1)).apply_async().join()  # DJC506
    with allow_join_result():
        price.delay(pk).get()
    result.get(disable_sync_subtasks=False)
    {}.get(pk)
    price.delay(pk).id


def b(pk):
    return price.delay(pk).get()
