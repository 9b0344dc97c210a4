"""Background jobs: every Celery setting, the workload classes, the routes and the schedule."""

import sys

from celery.schedules import crontab

# {% if cookiecutter.broker == "redis" %}
from djcelery_jobs import Workload, queues, routes, sentinel_options, task_limits, tls_options
# {% else %}
from djcelery_jobs import Workload, queues, routes, task_limits, tls_options
# {% endif %}

from .environment import env

# -- Workload classes ---------------------------------------------------------------------------------------------
# A workload class is a queue and the workers that consume it. Each class has worker processes of its own, started with
# `manage.py worker NAME`, so long jobs never block short ones. To add a class, run `djcelery add queue NAME`, or add a
# line here and a process to Procfile and compose.yaml; the tests fail until you have done both.
# Limits are in seconds. At the soft limit a task gets SoftTimeLimitExceeded and can clean up; a durable job is retried
# later. At the hard limit its process is killed.
WORKLOADS = {
    "fast": Workload(concurrency=4, prefetch=4, soft_limit=10, hard_limit=20),
    "slow": Workload(concurrency=2, prefetch=1, soft_limit=300, hard_limit=330),
    "email": Workload(concurrency=2, prefetch=1, soft_limit=30, hard_limit=60),
    "report": Workload(concurrency=1, prefetch=1, soft_limit=3000, hard_limit=3600),
}

# The workload class of each task. `manage.py check` reports a task that is missing here.
ROUTES = {
    "djcelery_jobs.tasks.prune": "slow",
    # {% if cookiecutter.example %}
    "orders.tasks.reserve_stock": "fast",
    "orders.tasks.send_receipt": "email",
    "orders.tasks.import_price_list": "slow",
    "orders.tasks.daily_sales": "report",
    # {% endif %}
}

# The longest countdown, eta or retry delay that a caller may use, in seconds.
LONGEST_DELAY = 15 * 60

# -- Schedule -----------------------------------------------------------------------------------------------------
# `expires` is in seconds. A run that no worker has started by then is dropped, so a queue that stood still does not
# have to work through old runs first.
CELERY_BEAT_SCHEDULE = {
    # {% if cookiecutter.example %}
    "daily-sales": {
        "task": "orders.tasks.daily_sales",
        "schedule": crontab(hour="2", minute="10"),
        "options": {"expires": 6 * 3600},
    },
    # {% endif %}
    "prune-jobs": {
        "task": "djcelery_jobs.tasks.prune",
        "schedule": crontab(minute="40"),
        "options": {"expires": 3600},
    },
}
# {% if cookiecutter.schedule == "database" %}
# `manage.py migrate` copies new entries to the database. After that you edit them in the admin: your edits stay, and
# an entry that you delete here is disabled there.
CELERY_BEAT_SCHEDULER = "djcelery_jobs:LockedDatabaseScheduler"
CELERY_BEAT_SYNC_EVERY = 1  # save each run at once; otherwise the next beat would send it again
# {% else %}
CELERY_BEAT_SCHEDULER = "djcelery_jobs:LockedScheduler"
# {% endif %}
# Beat holds a lock in the database and renews it every few seconds, so a second beat waits and does no harm.
CELERY_BEAT_MAX_LOOP_INTERVAL = 2

# -- Broker -------------------------------------------------------------------------------------------------------
# {% if cookiecutter.broker == "redis" %}
# The URL of a server, or one URL per sentinel: sentinel://one:26379/0;sentinel://two:26379/0;sentinel://three:26379/0
CELERY_BROKER_URL = REDIS_URL = env("REDIS_URL", default="redis://localhost:6379/0")
CELERY_BROKER_USE_SSL = tls_options(REDIS_URL)
# Notice a dead Redis within seconds, so that a request that publishes a job gets an error instead of hanging.
BROKER_SOCKETS = {"socket_connect_timeout": 1, "socket_timeout": 2, "socket_keepalive": True}
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # The prefix of every key, so that projects can share a Redis. Two installations of this project cannot: give each
    # a database of its own in REDIS_URL. Messages under an old prefix stay unread, so empty the queues before you
    # change it.
    "global_keyprefix": "{{ cookiecutter.project_slug }}:",
    # Redis gives an unacknowledged message to another worker after this many seconds, the visibility timeout. It must
    # be longer than the longest job plus the longest delay; otherwise a running job would start a second time.
    "visibility_timeout": max(w.hard_limit for w in WORKLOADS.values()) + LONGEST_DELAY + 60,
    **BROKER_SOCKETS,
    **sentinel_options(
        REDIS_URL,
        service=env("REDIS_SENTINEL_SERVICE", default="mymaster"),
        password=env("REDIS_SENTINEL_PASSWORD", default=""),
        sockets=BROKER_SOCKETS,
    ),
}
PUBLISH_RETRIES = 1
# Let jobs finish when the connection breaks: Redis redelivers their messages only after the visibility timeout.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
# {% else %}
# The URL of a server, or one URL per node of a cluster, separated by semicolons.
CELERY_BROKER_URL = env("AMQP_URL", default="amqp://guest:guest@localhost:5672//")
CELERY_BROKER_USE_SSL = tls_options(CELERY_BROKER_URL, name=env("AMQP_TLS_NAME", default=""))
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # The prefix of every queue and exchange, so that projects can share a virtual host. Two installations of this
    # project cannot: give each a virtual host of its own in AMQP_URL. Messages under an old prefix stay unread, so
    # empty the queues before you change it.
    "name_prefix": "{{ cookiecutter.project_slug }}.",
    # Without publisher confirms, publishing to a broker that hangs looks like a success, and the job is lost.
    "confirm_publish": True,
    "read_timeout": 2,
    "write_timeout": 2,
}
CELERY_BROKER_CONNECTION_TIMEOUT = 1
PUBLISH_RETRIES = max(1, CELERY_BROKER_URL.count(";"))  # each node of a cluster once
# Stop running jobs when the connection breaks: RabbitMQ gives them to another worker at once.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
# Quorum queues can hold delayed jobs themselves, but only with a topic exchange. With a direct exchange, a job with a
# countdown blocks the worker that has received it.
CELERY_TASK_DEFAULT_EXCHANGE = "jobs"
CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic"
CELERY_TASK_DEFAULT_ROUTING_KEY = "slow"
# {% endif %}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A request that cannot reach the broker retries at once and then raises, so that nobody waits for long.
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": PUBLISH_RETRIES,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}

CELERY_TASK_QUEUES = queues(WORKLOADS, CELERY_BROKER_URL)
CELERY_TASK_ROUTES = routes(ROUTES)
# The queue of Celery's own housekeeping, and of each @task that names no queue and has no route.
CELERY_TASK_DEFAULT_QUEUE = "slow"
# Publishing to a queue that WORKLOADS does not declare raises an error, because it is a typo.
CELERY_TASK_CREATE_MISSING_QUEUES = False

# -- Django's tasks ------------------------------------------------------------------------------------------------
# Every @task of django.tasks, yours or a package's, becomes a durable job. Its queue_name is a workload class; without
# one it goes where ROUTES says. Django has this API since 6.0. On 5.2, install the package django-tasks and add
# "django_tasks" to INSTALLED_APPS.
TASKS = {"default": {"BACKEND": "djcelery_jobs.tasks_backend.DurableBackend"}}

# -- Messages and limits ------------------------------------------------------------------------------------------
# Accept JSON and nothing else: unpickling a message can run code.
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ANNOTATIONS = task_limits(ROUTES, WORKLOADS)
# The limits of tasks without a workload class.
CELERY_TASK_SOFT_TIME_LIMIT = max(w.soft_limit for w in WORKLOADS.values())
CELERY_TASK_TIME_LIMIT = max(w.hard_limit for w in WORKLOADS.values())

# -- No job is lost -----------------------------------------------------------------------------------------------
# Acknowledge a message when its job is done, and requeue it when the process that ran it dies. A task can therefore
# start twice, so write it to be idempotent. A job that kills its worker again and again becomes a dead letter.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# After SIGTERM a worker waits this many seconds for short jobs to finish and then requeues the others.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5

# The policy of djcelery_jobs. Its README lists all settings with their defaults.
DJCELERY_JOBS = {
    # Days that finished jobs are kept. Dead letters are kept until somebody discards them.
    "KEPT_DAYS": 7,
    # A worker or beat touches this file while it works, so that a container's health check can read its age. Each
    # process needs a file of its own: leave the variable empty where several share a machine.
    "HEARTBEAT_FILE": env("JOBS_HEARTBEAT_FILE", default=""),
    # The bearer token that Prometheus sends for /metrics. Without it, only users who may view jobs can read the page.
    "METRICS_TOKEN": env("METRICS_TOKEN", default=""),
}

# -- Results ------------------------------------------------------------------------------------------------------
# {% if cookiecutter.results == "django" %}
# Every stored result is an extra database write, so a task must ask for it: `@shared_task(ignore_result=False)`.
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
CELERY_RESULT_EXPIRES = 7 * 24 * 3600  # seconds
# {% else %}
# There is no result backend, because no code here reads what a task returns. Without results, nothing expires: any
# other value would add Celery's daily cleanup of results to the schedule.
CELERY_RESULT_EXPIRES = None
# {% endif %}
CELERY_TASK_IGNORE_RESULT = True

# -- Workers ------------------------------------------------------------------------------------------------------
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Replace each worker process from time to time, which limits how much memory a leak can take.
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
# Keep database connections open: by default Celery closes them before and after each job.
CELERY_DB_REUSE_MAX = sys.maxsize
# This consumer keeps messages that no task can run, as dead letters.
CELERY_WORKER_CONSUMER = "djcelery_jobs:Consumer"
# LOGGING in base.py configures the logs. Celery would replace it and turn each print into a warning.
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
# Events cost one message per job, and nothing here reads them. Turn them on for a while with `worker -E`.
CELERY_WORKER_SEND_TASK_EVENTS = False
# Remote control lets every client of the broker stop all workers and read their settings. Set the variable only while
# you need `celery inspect` or `celery control`.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = env.bool("CELERY_REMOTE_CONTROL", default=False)
CELERY_TIMEZONE = "UTC"
