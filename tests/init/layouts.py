"""Write existing Django projects in the layouts that people use, each small and able to run.

Every project has an app `shop` whose one view places an order and whose task counts it, and tests of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

Files = dict[str, str]

APPS = ("django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "django.contrib.messages", "shop")  # fmt: skip
MIDDLEWARE = ("django.contrib.sessions.middleware.SessionMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware",
              "django.contrib.messages.middleware.MessageMiddleware")  # fmt: skip
DATABASES = 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}\n'
CELERY = 'CELERY_BROKER_URL = os.environ.get("REDIS_URL", "redis://localhost:6379/0")\n'


@dataclass(frozen=True)
class Expected:
    """Say what `init` must find in a layout."""

    settings: str
    named_in: str  # path:line
    apps_at: str  # path:line of the display to which an app is added
    apps_kind: str = "list"
    engine: str = "django.db.backends.sqlite3"
    app: str = ""  # path:variable of the Celery app; empty for none
    namespace: str | None = "CELERY"
    is_factory: bool = False
    brokers: frozenset[str] = frozenset({"redis"})
    queues: tuple[str, ...] = ("celery",)
    scheduler: str = ""
    schedule: tuple[str, ...] = ()
    dependencies: tuple[str, str] = ("", "")  # path and kind
    lock: str = ""
    root: str = ""
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """Describe a project, and what must be found in it."""

    name: str
    files: Files
    expected: Expected
    runs: bool = True  # with the packages of the development environment
    durable: str = "shop.tasks.count_order"
    by_hand: bool = False  # whether `--jobs` leaves something to do by hand
    variables: dict[str, str] = field(default_factory=dict)

    def build(self, folder: Path) -> Path:
        """Write the project and return its root."""
        for path, text in self.files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        return folder

    @property
    def manage(self) -> str:
        return next(path for path in self.files if path.rpartition("/")[2] == "manage.py")


def display(items: tuple[str, ...], brackets: str = "[]", quote: str = '"', indent: str = "    ") -> str:
    lines = "".join(f"{indent}{quote}{item}{quote},\n" for item in items)
    return f"{brackets[0]}\n{lines}{brackets[1]}"


def head(depth: int = 2) -> str:
    parents = ".parent" * depth
    return f"import os\nfrom pathlib import Path\n\nBASE_DIR = Path(__file__).resolve(){parents}\n"


def rest(urls: str) -> str:
    return f'''SECRET_KEY = "only-for-tests"
DEBUG = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "{urls}"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {{
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {{
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        }},
    }}
]
'''


def settings(urls: str, apps: str = "", databases: str = DATABASES, celery: str = CELERY, depth: int = 2) -> str:
    apps = apps or f"INSTALLED_APPS = {display(APPS)}\n"
    return f"{head(depth)}{apps}MIDDLEWARE = {display(MIDDLEWARE)}\n{databases}{rest(urls)}{celery}"


def manage(settings_module: str, before: str = "") -> str:
    return f'''import os
import sys

if __name__ == "__main__":
    {before}os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{settings_module}")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
'''


def celery_app(settings_module: str, name: str, namespace: str = ', namespace="CELERY"', variable: str = "app") -> str:
    return f'''import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{settings_module}")

{variable} = Celery("{name}")
{variable}.config_from_object("django.conf:settings"{namespace})
{variable}.autodiscover_tasks()
'''


def wsgi(settings_module: str) -> str:
    return f'''import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{settings_module}")
application = get_wsgi_application()
'''


URLS = """from django.contrib import admin
from django.urls import path

from shop import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("order", views.order),
]
"""
IMPORT_APP = 'from .celery import app as celery_app\n\n__all__ = ["celery_app"]\n'
TASKS = '''from celery import shared_task

from shop.models import Order


@shared_task
def count_order(order_id):
    """Count an order."""
    Order.objects.filter(pk=order_id).update(counted=True)
'''
VIEWS = """from django.db import transaction
from django.http import HttpResponse

from shop.models import Order
from shop.tasks import count_order


def order(request):
    with transaction.atomic():
        order = Order.objects.create()
        transaction.on_commit(lambda: count_order.delay(order.pk))
    return HttpResponse(order.pk)
"""
TESTS = """from unittest import mock

from django.test import TransactionTestCase

from shop.models import Order
from shop.tasks import count_order


class OrderTest(TransactionTestCase):
    def test_an_order_is_dispatched_to_be_counted(self):
        with mock.patch.object(count_order, "delay") as delay, mock.patch.object(
            count_order, "delay_on_commit", create=True
        ) as delay_on_commit:
            self.client.get("/order")
        self.assertEqual(delay.call_count + delay_on_commit.call_count, 1)

    def test_a_task_counts_its_order(self):
        order = Order.objects.create()
        count_order(order.pk)
        order.refresh_from_db()
        self.assertIs(order.counted, True)
"""


def shop(prefix: str = "", tasks: str = TASKS, views: str = VIEWS, tests: str = TESTS) -> Files:
    migration = """from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("counted", models.BooleanField(default=False)),
            ],
        ),
    ]
"""
    model = (
        "from django.db import models\n\n\nclass Order(models.Model):\n"
        "    id = models.BigAutoField(primary_key=True)\n    counted = models.BooleanField(default=False)\n"
    )
    files = {
        "shop/__init__.py": "",
        "shop/models.py": model,
        "shop/migrations/__init__.py": "",
        "shop/migrations/0001_initial.py": migration,
        "shop/views.py": views,
        "shop/tests.py": tests,
    }
    if tasks:
        files["shop/tasks.py"] = tasks
    return {prefix + path: text for path, text in files.items()}


PROJECT_TOML = """[project]
name = "mysite"
version = "1"
dependencies = [
    "celery[redis]>=5.3",
    "django>=5.2",  # the long-term release
]
"""


def single_file() -> Layout:
    files = {
        "manage.py": manage("mysite.settings"),
        "mysite/__init__.py": IMPORT_APP,
        "mysite/celery.py": celery_app("mysite.settings", "mysite"),
        "mysite/settings.py": settings("mysite.urls"),
        "mysite/urls.py": URLS,
        "mysite/wsgi.py": wsgi("mysite.settings"),
        "requirements.txt": "# what servers install\nDjango>=5.2\ncelery[redis]>=5.5\n",
        **shop(),
    }
    expected = Expected("mysite.settings", "manage.py:5", "mysite/settings.py:5", app="mysite/celery.py:app",
                        dependencies=("requirements.txt", "requirements"))  # fmt: skip
    return Layout("a single file", files, expected)


def package() -> Layout:
    base = settings("mysite.urls", depth=3)
    celery = 'CELERY_TASK_ROUTES = {"shop.tasks.*": {"queue": "orders"}}\n'
    files = {
        "manage.py": manage("mysite.settings.dev"),
        "mysite/__init__.py": IMPORT_APP,
        "mysite/celery.py": celery_app("mysite.settings.dev", "mysite"),
        "mysite/settings/__init__.py": "",
        "mysite/settings/base.py": base + celery,
        "mysite/settings/dev.py": 'from .base import *\n\nINSTALLED_APPS += ["django.contrib.humanize"]\n',
        "mysite/settings/production.py": "from .base import *\n\nDEBUG = False\n",
        "mysite/urls.py": URLS,
        "mysite/wsgi.py": wsgi("mysite.settings.production"),
        "pyproject.toml": PROJECT_TOML,
        "uv.lock": "version = 1\n",
        "Procfile": "web: gunicorn mysite.wsgi\nworker: celery -A mysite worker -Q orders,celery -c 3\n"
        "beat: celery -A mysite beat\n",
        **shop(),
    }
    expected = Expected("mysite.settings.dev", "manage.py:5", "mysite/settings/base.py:5", app="mysite/celery.py:app",
                        queues=("celery", "orders"), dependencies=("pyproject.toml", "pyproject"), lock="uv lock",
                        )  # fmt: skip
    return Layout("base, dev and production", files, expected)


def fragments() -> Layout:
    files = {
        "manage.py": manage("mysite.settings"),
        "mysite/__init__.py": IMPORT_APP,
        "mysite/celery.py": celery_app("mysite.settings", "mysite"),
        "mysite/settings/__init__.py": "from .paths import *\nfrom .apps import *\nfrom .data import *\n"
        "from .background import *\n" + rest("mysite.urls"),
        "mysite/settings/paths.py": head(3),
        "mysite/settings/apps.py": f"INSTALLED_APPS = {display(APPS)}\nMIDDLEWARE = {display(MIDDLEWARE)}\n",
        "mysite/settings/data.py": f"from .paths import *\n\n{DATABASES}",
        "mysite/settings/background.py": "import os\n\n" + CELERY
        + 'CELERY_BEAT_SCHEDULE = {\n    "recount": {"task": "shop.tasks.count_order", "schedule": 60, "args": (1,)},\n'
        "}\n",
        "mysite/urls.py": URLS,
        "pyproject.toml": '[tool.poetry]\nname = "mysite"\n\n[tool.poetry.dependencies]\npython = "^3.11"\n'
        'django = "^5.2"\ncelery = {version = ">=5.5", extras = ["redis"]}\n',
        "poetry.lock": "",
        **shop(),
    }  # fmt: skip
    expected = Expected("mysite.settings", "manage.py:5", "mysite/settings/apps.py:1", app="mysite/celery.py:app",
                        schedule=("recount",), dependencies=("pyproject.toml", "poetry"), lock="poetry lock",
                        )  # fmt: skip
    return Layout("fragments with star imports", files, expected)


def top_level() -> Layout:
    files = {
        "manage.py": manage("settings.base"),
        "settings/__init__.py": "",
        "settings/base.py": settings("urls"),
        "urls.py": URLS,
        "celery_app.py": celery_app("settings.base", "orders", variable="celery"),
        "requirements.in": "django>=5.2\ncelery[redis]>=5.5\n",
        "requirements.txt": "#\n# This file is autogenerated by pip-compile with Python 3.11\n"
        "# by the following command:\n#\n#    pip-compile --strip-extras requirements.in\n#\n"
        "celery==5.7.0\ndjango==5.2.1\n",
        **shop(),
    }  # fmt: skip
    expected = Expected("settings.base", "manage.py:5", "settings/base.py:5", app="celery_app.py:celery",
                        dependencies=("requirements.in", "pip-tools"),
                        lock="pip-compile --strip-extras requirements.in")  # fmt: skip
    return Layout("a top-level settings folder", files, expected)


def in_the_root() -> Layout:
    files = {
        "manage.py": manage("settings"),
        "settings.py": settings("urls", depth=1, celery=""),
        "urls.py": URLS,
        "Pipfile": '[[source]]\nurl = "https://pypi.org/simple"\nverify_ssl = true\nname = "pypi"\n\n'
        '[packages]\ndjango = ">=5.2"\n\n[dev-packages]\n',
        **shop(tasks="def count_order(order_id):\n    from shop.models import Order\n\n"
               "    Order.objects.filter(pk=order_id).update(counted=True)\n",
               views=VIEWS.replace("count_order.delay(", "count_order("),
               tests=TESTS.partition("    def test_an_order")[0] + "    def test_a_task"
               + TESTS.partition("    def test_a_task")[2]),
    }  # fmt: skip
    expected = Expected("settings", "manage.py:5", "settings.py:5", brokers=frozenset(),
                        dependencies=("Pipfile", "pipenv"))  # fmt: skip
    return Layout("settings.py in the root, no Celery", files, expected, durable="")


def below_the_root() -> Layout:
    files = {
        "README.md": "A web site and its API.\n",
        "backend/manage.py": manage("config.settings"),
        "backend/config/__init__.py": "from .worker import queue_app\n",
        "backend/config/worker.py": celery_app("config.settings", "backend", variable="queue_app"),
        "backend/config/settings.py": settings("config.urls"),
        "backend/config/urls.py": URLS,
        "backend/requirements/base.txt": "django>=5.2\ncelery[redis]\n",
        "backend/requirements/dev.txt": "-r base.txt\npytest\n",
        **shop("backend/"),
    }
    expected = Expected("config.settings", "backend/manage.py:5", "backend/config/settings.py:5",
                        app="backend/config/worker.py:queue_app", root="backend",
                        dependencies=("backend/requirements/base.txt", "requirements"))  # fmt: skip
    return Layout("a project below the repository's root", files, expected)


def src() -> Layout:
    files = {
        "manage.py": manage("mysite.settings", before='sys.path.insert(0, "src")\n    '),
        "src/mysite/__init__.py": IMPORT_APP,
        "src/mysite/celery.py": celery_app("mysite.settings", "mysite"),
        "src/mysite/settings.py": settings("mysite.urls", depth=3),
        "src/mysite/urls.py": URLS,
        "setup.cfg": "[metadata]\nname = mysite\n\n[options]\ninstall_requires =\n    django>=5.2\n    celery[redis]\n",
        "setup.py": "from setuptools import setup\n\nsetup()\n",
        **shop("src/"),
    }
    expected = Expected("mysite.settings", "manage.py:6", "src/mysite/settings.py:5", app="src/mysite/celery.py:app",
                        root="src", dependencies=("setup.cfg", "setup.cfg"))  # fmt: skip
    return Layout("a src folder", files, expected)


def tuples() -> Layout:
    apps = f"INSTALLED_APPS = {display(APPS, '()', chr(39), chr(9))}\n"
    middleware = f"MIDDLEWARE = {display(MIDDLEWARE, '()', chr(39), chr(9))}\n"
    base = settings("mysite.urls", apps, depth=3).replace(f"MIDDLEWARE = {display(MIDDLEWARE)}\n", middleware)
    files = {
        "manage.py": manage("mysite.settings.site"),
        "mysite/__init__.py": IMPORT_APP,
        "mysite/celery.py": celery_app("mysite.settings.site", "mysite"),
        "mysite/settings/__init__.py": "",
        "mysite/settings/base.py": base.replace("\n", "\r\n"),
        "mysite/settings/site.py": "from . import base\nfrom .base import *\n\n"
        "INSTALLED_APPS = base.INSTALLED_APPS + ('django.contrib.humanize',)\n",
        "mysite/urls.py": URLS,
        ".pre-commit-config.yaml": "# hooks\r\nexclude: '^docs/'  # made\r\nrepos:\r\n- repo: meta\r\n"
        "  hooks:\r\n  - id: identity\r\n",
        "pyproject.toml": PROJECT_TOML.replace("\n", "\r\n"),
        **shop(),
    }
    expected = Expected("mysite.settings.site", "manage.py:5", "mysite/settings/base.py:5", apps_kind="tuple",
                        app="mysite/celery.py:app", dependencies=("pyproject.toml", "pyproject"))  # fmt: skip
    return Layout("tuples with tabs, single quotes and CRLF", files, expected)


def sums() -> Layout:
    apps = (
        f'DJANGO_APPS = {display(APPS[:-1])}\nTHIRD_PARTY_APPS = ["django_celery_beat"]\n'
        'LOCAL_APPS = ["shop"]\nINSTALLED_APPS = DJANGO_APPS + THIRD_PARTY_APPS + LOCAL_APPS\n'
    )
    databases = (
        "import environ\n\nenv = environ.Env()\n"
        'DATABASES = {"default": env.db("DATABASE_URL", default="sqlite:///db.sqlite3")}\n'
    )
    celery = (
        'CELERY_BROKER_URL = env("REDIS_URL", default="redis://localhost:6379/0")\n'
        'CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"\n'
        "CELERY_TASK_TIME_LIMIT = 5 * 60\nCELERY_TASK_SOFT_TIME_LIMIT = 60\n"
    )
    files = {
        "manage.py": manage("config.settings.local"),
        "config/__init__.py": 'from .celery_app import app as celery_app\n\n__all__ = ("celery_app",)\n',
        "config/celery_app.py": celery_app("config.settings.local", "my_project"),
        "config/settings/__init__.py": "",
        "config/settings/base.py": settings("config.urls", apps, databases, celery, depth=3),
        "config/settings/local.py": "from .base import *\n",
        "config/settings/test.py": "from .base import *\n\nCELERY_TASK_ALWAYS_EAGER = True\n",
        "config/urls.py": URLS,
        "compose.yml": "services:\n  celeryworker:\n    command: celery -A config.celery_app worker -l INFO\n"
        "  celerybeat:\n    command: celery -A config.celery_app beat -l INFO "
        "--scheduler django_celery_beat.schedulers:DatabaseScheduler\n",
        "requirements/base.txt": "django==5.2.1\ncelery==5.7.0\ndjango-celery-beat==2.9.0\n",
        "requirements/local.txt": "-r base.txt\n",
        "setup.cfg": "[tool:pytest]\nDJANGO_SETTINGS_MODULE = config.settings.test\n",
        **shop(),
    }
    expected = Expected("config.settings.local", "manage.py:5", "config/settings/base.py:13", engine="",
                        app="config/celery_app.py:app",
                        scheduler="django_celery_beat.schedulers:DatabaseScheduler",
                        dependencies=("requirements/base.txt", "requirements"))  # fmt: skip
    return Layout("sums of lists, and a schedule in the database", files, expected)


def spreads() -> Layout:
    apps = f"COMMON_APPS = {display(APPS[:-1])}\nINSTALLED_APPS: list[str] = [*COMMON_APPS, 'shop']\n"
    files = {
        "manage.py": manage("mysite.settings"),
        "mysite/__init__.py": IMPORT_APP,
        "mysite/celery.py": celery_app("mysite.settings", "mysite"),
        "mysite/settings.py": settings("mysite.urls", apps),
        "mysite/urls.py": URLS,
        "pyproject.toml": PROJECT_TOML,
        **shop(),
    }
    expected = Expected("mysite.settings", "manage.py:5", "mysite/settings.py:12", app="mysite/celery.py:app",
                        dependencies=("pyproject.toml", "pyproject"))  # fmt: skip
    return Layout("a list with a spread one", files, expected)


def branches() -> Layout:
    apps = (
        f"INSTALLED_APPS = {display(APPS)}\nif os.environ.get('TOOLBAR'):\n    INSTALLED_APPS += ['toolbar']\n"
        "INSTALLED_APPS.append('django.contrib.humanize')\n"
    )
    databases = 'DATABASES = {}\nDATABASES["default"] = ' + DATABASES.partition('"default": ')[2].replace("}}", "}")
    files = {
        "manage.py": manage("mysite.settings"),
        "mysite/__init__.py": IMPORT_APP,
        "mysite/celery.py": celery_app("mysite.settings", "mysite"),
        "mysite/settings.py": settings("mysite.urls", apps, databases),
        "mysite/urls.py": URLS,
        "requirements.txt": "django\ncelery\n",
        **shop(),
    }
    expected = Expected("mysite.settings", "manage.py:5", "mysite/settings.py:5", app="mysite/celery.py:app",
                        dependencies=("requirements.txt", "requirements"))  # fmt: skip
    return Layout("appended in branches, databases filled later", files, expected)


def factory() -> Layout:
    app = """import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")


def make_celery():
    made = Celery("mysite")
    made.config_from_object("django.conf:settings", namespace="CELERY")
    made.autodiscover_tasks()
    return made


application = make_celery()
"""
    celery = CELERY + 'CELERY_TASK_QUEUES = [Queue("celery"), Queue("mail")]\n'
    files = {
        "manage.py": manage("mysite.settings"),
        "mysite/__init__.py": "from .background import application\n",
        "mysite/background.py": app,
        "mysite/settings.py": "from kombu import Queue\n" + settings("mysite.urls", celery=celery),
        "mysite/urls.py": URLS,
        "requirements.txt": "django\ncelery\n",
        **shop(),
    }
    expected = Expected("mysite.settings", "manage.py:5", "mysite/settings.py:6",
                        app="mysite/background.py:application", is_factory=True, queues=("celery", "mail"),
                        dependencies=("requirements.txt", "requirements"))  # fmt: skip
    return Layout("a Celery app from a factory", files, expected)


def old_names() -> Layout:
    celery = (
        'BROKER_URL = "redis://localhost:6379/0"\nCELERY_DEFAULT_QUEUE = "default"\n'
        'CELERYBEAT_SCHEDULE = {\n    "recount": {"task": "shop.tasks.count_order", "schedule": 60, "args": (1,)},\n}\n'
    )
    files = {
        "manage.py": manage("mysite.settings"),
        "mysite/__init__.py": IMPORT_APP,
        "mysite/celery.py": celery_app("mysite.settings", "mysite", namespace=""),
        "mysite/settings.py": settings("mysite.urls", celery=celery),
        "mysite/urls.py": URLS,
        "requirements.txt": "django\ncelery\n",
        **shop(),
    }
    expected = Expected("mysite.settings", "manage.py:5", "mysite/settings.py:5", app="mysite/celery.py:app",
                        namespace="", queues=("default",), schedule=("recount",),
                        dependencies=("requirements.txt", "requirements"))  # fmt: skip
    return Layout("no namespace, names of Celery 3", files, expected)


def own_configuration() -> Layout:
    app = """import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")

app = Celery("mysite", broker="redis://localhost:6379/0")
app.conf.update(task_default_queue="main", task_soft_time_limit=20, task_time_limit=30)
app.autodiscover_tasks()
"""
    files = {
        "manage.py": manage("mysite.settings"),
        "mysite/__init__.py": IMPORT_APP,
        "mysite/celery.py": app,
        "mysite/settings.py": settings("mysite.urls", celery=""),
        "mysite/urls.py": URLS,
        "requirements.txt": "django\ncelery\n",
        **shop(),
    }
    expected = Expected("mysite.settings", "manage.py:5", "mysite/settings.py:5", app="mysite/celery.py:app",
                        namespace=None, queues=("main",), dependencies=("requirements.txt", "requirements"),
                        )  # fmt: skip
    return Layout("configured on the app itself", files, expected)


CELERYCONFIG = """broker_url = "redis://localhost:6379/0"
task_default_queue = "main"
task_soft_time_limit = 20
task_time_limit = 30
worker_prefetch_multiplier = 2
task_annotations = {"*": {"rate_limit": "1000/s"}}
"""


def configuration_module() -> Layout:
    app = celery_app("mysite.settings", "mysite", namespace="").replace("django.conf:settings", "mysite.celeryconfig")
    own = own_configuration()
    files = own.files | {"mysite/celery.py": app, "mysite/celeryconfig.py": CELERYCONFIG}
    return Layout("configured by a module of its own", files, own.expected)


def split_settings() -> Layout:
    files = {
        "manage.py": manage("mysite.settings"),
        "mysite/__init__.py": IMPORT_APP,
        "mysite/celery.py": celery_app("mysite.settings", "mysite"),
        "mysite/settings/__init__.py": "from split_settings.tools import include, optional\n\n"
        'include("components/*.py", optional("local.py"))\n',
        "mysite/settings/components/common.py": settings("mysite.urls", depth=4),
        "mysite/urls.py": URLS,
        "requirements.txt": "django\ncelery\ndjango-split-settings\n",
        **shop(),
    }
    expected = Expected("mysite.settings", "manage.py:5", "mysite/settings/components/common.py:5",
                        app="mysite/celery.py:app", dependencies=("requirements.txt", "requirements"))  # fmt: skip
    return Layout("django-split-settings", files, expected, runs=False)


def named_by_pytest() -> Layout:
    files = {
        "manage.py": "import sys\n\nfrom django.core.management import execute_from_command_line\n\n"
        "execute_from_command_line(sys.argv)\n",
        "mysite/__init__.py": IMPORT_APP,
        "mysite/celery.py": celery_app("mysite.settings.test", "mysite"),
        "mysite/settings/__init__.py": "",
        "mysite/settings/common.py": settings("mysite.urls", depth=3),
        "mysite/settings/test.py": "from .common import *\n",
        "mysite/urls.py": URLS,
        "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = mysite.settings.test\n",
        "requirements.txt": "django\ncelery\n",
        **shop(),
    }
    expected = Expected("mysite.settings.test", "pytest.ini:2", "mysite/settings/common.py:5",
                        app="mysite/celery.py:app", dependencies=("requirements.txt", "requirements"),
                        conflicts=("settings-of-tests",))  # fmt: skip
    variables = {"DJANGO_SETTINGS_MODULE": "mysite.settings.test"}
    return Layout("settings that only pytest names", files, expected, variables=variables)


def two_databases() -> Layout:
    databases = (
        'DATABASES = {\n    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"},\n'
        '    "replica": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"},\n}\n'
        'DATABASE_ROUTERS = ["mysite.routers.Router"]\n'
    )
    router = """class Router:
    def db_for_read(self, model, **hints):
        return "default"

    def db_for_write(self, model, **hints):
        return "default"

    def allow_relation(self, one, other, **hints):
        return True

    def allow_migrate(self, db, app_label, **hints):
        return db == "default"
"""
    files = {
        "manage.py": manage("mysite.settings"),
        "mysite/__init__.py": IMPORT_APP,
        "mysite/celery.py": celery_app("mysite.settings", "mysite"),
        "mysite/routers.py": router,
        "mysite/settings.py": settings("mysite.urls", databases=databases),
        "mysite/asgi.py": wsgi("mysite.settings").replace("wsgi", "asgi"),
        "mysite/urls.py": URLS,
        "requirements.txt": "django\ncelery\n",
        **shop(),
    }
    expected = Expected("mysite.settings", "manage.py:5", "mysite/settings.py:5", app="mysite/celery.py:app",
                        dependencies=("requirements.txt", "requirements"), conflicts=("router",))  # fmt: skip
    return Layout("two databases with a router", files, expected)


BUILDERS: list[Callable[[], Layout]] = [
    single_file, package, fragments, top_level, in_the_root, below_the_root, src, tuples, sums, spreads, branches,
    factory, old_names, own_configuration, configuration_module, split_settings, named_by_pytest, two_databases,
]  # fmt: skip
LAYOUTS = {builder.__name__: builder() for builder in BUILDERS}


def running_layouts() -> Iterator[str]:
    """Yield the names of the layouts that the development environment can run."""
    return (name for name, layout in LAYOUTS.items() if layout.runs)
