# project/settings.py
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "none": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
    "shared": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://localhost"},
}

# shop/tasks.py
from celery import shared_task
from django.core.cache import cache, caches


@shared_task
def index(pk):
    if not cache.add(f"lock-{pk}", 1):  # DJC316
        return
    taken = caches["none"].add(f"lock-{pk}", 1)  # DJC316
    if taken and caches["shared"].add(f"lock-{pk}", 1):
        cache.add("warm", 1)
        seen = set()
        seen.add(pk)


def outside(pk):
    if not cache.add(f"lock-{pk}", 1):
        return
