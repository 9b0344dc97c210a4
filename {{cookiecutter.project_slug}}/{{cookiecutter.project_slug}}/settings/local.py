"""Settings for a laptop: debug pages, mail on the console, and a secret key that protects nothing."""

from .base import *  # noqa: F403
from .base import SECRET_KEY, env

DEBUG = True
SECRET_KEY = SECRET_KEY or "only-for-this-machine"
ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
INTERNAL_IPS = ["127.0.0.1"]
# {% if cookiecutter.example %}
# Commands that `manage.py dev` runs before it starts the processes.
DEV_PREPARE = ["migrate", "seed"]
# {% endif %}
