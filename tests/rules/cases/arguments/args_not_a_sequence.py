# shop/jobs.py
from celery import shared_task, signature


@shared_task
def index(pk): ...


def place(pk, pks):
    index.apply_async(args=(pk))  # DJC207
    index.apply_async(args=("x"))  # DJC207
    index.apply_async(args=5)  # DJC207
    index.apply_async(args=(pk,))
    index.apply_async(args=[pk])
    index.apply_async(args=(pks))
    index.apply_async(args=pk)
    index.apply_async(args=None)
    signature("x.y", args=("x"))  # DJC207


# shop/settings.py
INSTALLED_APPS = []
CELERY_BEAT_SCHEDULE = {
    "one": {"task": "shop.jobs.index", "schedule": 5, "args": ("x")},  # DJC207
    "two": {"task": "shop.jobs.index", "schedule": 5, "args": ("x",)},
}
