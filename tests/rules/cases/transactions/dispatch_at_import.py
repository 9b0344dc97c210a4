from typing import TYPE_CHECKING

from celery import shared_task


@shared_task
def warm(): ...


warm.delay()  # DJC112

try:
    warm.apply_async()  # DJC112
except OSError:
    pass


class Config:
    started = warm.delay()  # DJC112
    signature = warm.s()


def later():
    warm.delay()


if __name__ == "__main__":
    warm.delay()

callback = lambda: warm.delay()
