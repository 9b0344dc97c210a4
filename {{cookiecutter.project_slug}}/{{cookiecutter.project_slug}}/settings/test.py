"""pytest: tasks run inline, nothing leaves the process. The fixture `broker` runs the real publish path in memory."""

from .base import *  # noqa: F403
from .base import BASE_DIR, DATABASES

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["testserver"]
# A file and not memory: each thread then has a connection of its own, and locks are the real ones.
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "test.sqlite3"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True  # there is no folder of collected files to look at

# A test that forgets to say otherwise must never put a message into somebody's real queue.
CELERY_BROKER_URL = "memory://"
CELERY_BROKER_USE_SSL = None
CELERY_BROKER_TRANSPORT_OPTIONS = {}
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
