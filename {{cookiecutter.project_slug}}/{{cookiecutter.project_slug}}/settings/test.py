"""Settings for pytest: tasks run inline, and nothing leaves the process.

The fixture `broker` publishes for real instead, into queues in memory.
"""

from .base import *  # noqa: F403
from .base import BASE_DIR, DATABASES

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["testserver"]
# A file instead of memory, so that each thread has a connection of its own and locks behave as in production.
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "test.sqlite3"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True  # tests run without collected static files

# Never put a message into a real queue, even if a test forgets to ask for the fixture.
CELERY_BROKER_URL = "memory://"
CELERY_BROKER_USE_SSL = None
CELERY_BROKER_TRANSPORT_OPTIONS = {}
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
