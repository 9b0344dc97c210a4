"""Test that Wagtail's tasks become durable jobs. It enqueues by Django's task API, and knows nothing of us.

Whoever saves an object in Wagtail's admin causes a task that brings the reference index up to date: which object names
which. Here letters are added, each of which names a page, and whatever is killed meanwhile, each must be in that index
in the end, once.
"""

from __future__ import annotations

import os
import secrets
import signal
import urllib.error
import urllib.parse
import urllib.request

import pytest

from tests.live.harness.environment import Environment
from tests.live.harness.processes import eventually
from tests.live.harness.project import edit
from tests.live.harness.third_party import running_site
from tests.ports import free_port
from tests.projects import Project, interpreter

WAGTAIL = "wagtail==8.0.1"
APPS = """
    "letters",
    "django_tasks",
    "wagtail.embeds",
    "wagtail.sites",
    "wagtail.users",
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "django.contrib.postgres",
"""
SETTINGS = """
WAGTAIL_SITE_NAME = "shop"
WAGTAILADMIN_BASE_URL = "http://127.0.0.1"
DATABASES["default"]["ATOMIC_REQUESTS"] = True  # or Wagtail itself may die between the object and its task
"""
USER = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
user = get_user_model().objects.create_superuser(**{get_user_model().USERNAME_FIELD: "a@example.com"}, password="x")
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(user.pk), settings.AUTHENTICATION_BACKENDS[0]
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
print(session.session_key)
"""
# An app of the project with a model that people edit in Wagtail's admin.
APP = {
    "__init__.py": "",
    "models.py": """
from django.db import models
from wagtail.models import Page
from wagtail.snippets.models import register_snippet


@register_snippet
class Letter(models.Model):
    title = models.CharField(max_length=100)
    page = models.ForeignKey(Page, on_delete=models.CASCADE)
""",
    "migrations/__init__.py": "",
    "migrations/0001_initial.py": """
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = [("wagtailcore", "__latest__")]
    operations = [
        migrations.CreateModel(
            "Letter",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("title", models.CharField(max_length=100)),
                ("page", models.ForeignKey("wagtailcore.Page", on_delete=django.db.models.deletion.CASCADE)),
            ],
        )
    ]
""",
}
ENQUEUED = "SELECT count(*) FROM djcelery_jobs_job WHERE task = 'wagtail.tasks.update_reference_index_task'"
ADDED = "SELECT count(*) FROM letters_letter"
INDEXED = """
    SELECT {what} FROM letters_letter l
    JOIN wagtailcore_referenceindex i ON i.object_id = CAST(l.id AS text)
    JOIN django_content_type t ON t.id = i.content_type_id AND t.model = 'letter'
"""
REQUESTS = 40


@pytest.mark.parametrize(("broker", "django"), [("redis", "5.2"), ("rabbitmq", "6.1")])
def test_what_wagtail_enqueues_in_its_admin_survives_every_kill(broker, django):
    executable = interpreter("3.12") or pytest.skip("interpreter not installed")
    with running_site(executable, broker, [f"django=={django}.*", WAGTAIL], with_wagtail) as environment:
        port = free_port()
        words = ("-m", "gunicorn", "shop.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2")
        environment.supervisor.add([environment.service("web", *words, ready="Booting worker")])
        environment.supervise_workers(1, workload="slow")
        environment.supervise_beat()
        environment.supervisor.all_ready()
        session = environment.manage("shell", "-v0", "-c", USER).split()[-1]

        answered = sum(add_letter(environment, port, session, number) for number in range(REQUESTS))

        environment.wait_until_finished(120)
        added = environment.number(ADDED)
        jobs = dict(
            environment.database.rows(
                "SELECT state, count(*) FROM djcelery_jobs_job WHERE dispatched_by <> 'beat' GROUP BY 1"
            )
        )
        enqueued = environment.number(ENQUEUED)
        indexed = environment.number(INDEXED.format(what="count(DISTINCT l.id)"))
        entries = environment.number(INDEXED.format(what="count(*)"))

    assert answered > REQUESTS / 2
    assert added >= answered
    assert enqueued == added
    assert set(jobs) == {"done"}
    assert (indexed, entries) == (added, added)


def add_letter(environment: Environment, port: int, session: str, number: int) -> bool:
    """Add a letter as a person does in a browser, and kill something first. Return whether Wagtail said yes."""
    kill_something(environment, number)
    token = secrets.token_hex(16)
    form = {"csrfmiddlewaretoken": token, "title": f"Letter {number}", "page": "1"}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/cms/snippets/letters/letter/add/",
        data=urllib.parse.urlencode(form).encode(),
        headers={"Cookie": f"sessionid={session}; csrftoken={token}"},
    )
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=20) as answer:
            raise AssertionError(f"the form was refused:\n{answer.read().decode()[:3000]}")
    except urllib.error.HTTPError as error:
        if (error.code, error.headers["Location"]) != (302, "/cms/snippets/letters/letter/"):
            raise AssertionError(f"request {number}: {error.code}\n{environment.failure_report()}") from error
        return True
    except OSError:  # the process was killed, or the next one is not there yet
        return False


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None: ...


def kill_something(environment: Environment, number: int) -> None:
    web = environment.supervisor.services[0]
    match number:
        case 6 | 26:
            environment.supervisor.kill_all_workers()
        case 12:
            environment.broker.kill()
        case 15 | 30:
            os.killpg(web.pid, signal.SIGKILL)
            eventually("another web process", lambda: web.alive and web.ready)
        case 18:
            environment.broker.start()
        case 34:
            environment.broker.wipe()


def with_wagtail(project: Project) -> None:
    """Install Wagtail in a project, with its admin at cms/, and an app whose model is edited there."""
    for name, text in APP.items():
        file = project.path / "letters" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    settings = project.path / "shop" / "settings"
    edit(settings / "base.py", '    "users",\n', f'    "users",{APPS}')
    with (settings / "base.py").open("a") as file:
        file.write(SETTINGS)
    path = '    path("cms/", include("wagtail.admin.urls")),\n'
    edit(project.path / "shop" / "urls.py", "urlpatterns = [\n", f"urlpatterns = [\n{path}")
