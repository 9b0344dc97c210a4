"""Background jobs: every Celery setting, the workload classes, the routes and the schedule."""

import sys

from celery.schedules import crontab

# {% if cookiecutter.broker == "rabbitmq" %}
from djcelery_jobs import Workload, queues, routes, task_limits, tls_options
# {% else %}
from djcelery_jobs import Workload, cache_url, queues, routes, sentinel_options, task_limits, tls_options
# {% endif %}

from .environment import env

# -- Workload classes ---------------------------------------------------------------------------------------------
# One line is one class: a queue, and a worker process of its own that is started with `manage.py worker NAME`. Long
# work never blocks short work, because it runs in another process. A further class is one more line here and one
# more process in Procfile and compose.yaml; the tests say where one is missing.
# Limits are in seconds. At the soft limit a task gets SoftTimeLimitExceeded and can tidy up, and a durable one is
# tried again; at the hard one its process is killed.
WORKLOADS = {
    "fast": Workload(concurrency=4, prefetch=4, soft_limit=10, hard_limit=20),
    "slow": Workload(concurrency=2, prefetch=1, soft_limit=300, hard_limit=330),
    "email": Workload(concurrency=2, prefetch=1, soft_limit=30, hard_limit=60),
    "report": Workload(concurrency=1, prefetch=1, soft_limit=3000, hard_limit=3600),
}

# Which class runs which task. `manage.py check` says when a task is missing here.
ROUTES = {
    "djcelery_jobs.tasks.prune": "slow",
    "orders.tasks.reserve_stock": "fast",
    "orders.tasks.send_receipt": "email",
    "orders.tasks.import_price_list": "slow",
    "orders.tasks.daily_sales": "report",
}

# The longest countdown, eta or retry delay that a caller may use, in seconds.
LONGEST_DELAY = 15 * 60

# -- Schedule -----------------------------------------------------------------------------------------------------
# `expires` is in seconds: a run that no worker fetched in that time is dropped, so that a queue which stood still
# does not start with a heap of old runs.
CELERY_BEAT_SCHEDULE = {
    "daily-sales": {
        "task": "orders.tasks.daily_sales",
        "schedule": crontab(hour="2", minute="10"),
        "options": {"expires": 6 * 3600},
    },
    "prune-jobs": {
        "task": "djcelery_jobs.tasks.prune",
        "schedule": crontab(minute="40"),
        "options": {"expires": 3600},
    },
}
# {% if cookiecutter.schedule == "database" %}
# `manage.py migrate` takes new entries over into the database. From then on the admin owns them: an edit there
# survives, and an entry that is deleted here is switched off there.
CELERY_BEAT_SCHEDULER = "djcelery_jobs:LockedDatabaseScheduler"
CELERY_BEAT_SYNC_EVERY = 1  # each run is written down at once, or the next beat would send it again
# {% else %}
CELERY_BEAT_SCHEDULER = "djcelery_jobs:LockedScheduler"
# {% endif %}
# Beat holds a lock in the database and says every few seconds that it is alive; so a second one does no harm.
CELERY_BEAT_MAX_LOOP_INTERVAL = 2

# -- Broker -------------------------------------------------------------------------------------------------------
# {% if cookiecutter.broker == "redis" %}
# One URL of a server, or one of each sentinel: sentinel://one:26379/0;sentinel://two:26379/0;sentinel://three:26379/0
REDIS_URL = env("REDIS_URL", default="redis://localhost:6379/0")
REDIS_CACHE_URL = cache_url(REDIS_URL)
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_USE_SSL = tls_options(REDIS_URL)
# A dead Redis is noticed in seconds: a request that publishes gets an error instead of hanging.
BROKER_SOCKETS = {"socket_connect_timeout": 1, "socket_timeout": 2, "socket_keepalive": True}
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Redis gives a message that nobody acknowledged to another worker after this time. It must be longer than the
    # longest job and the longest delay, or a job that is still running would start a second time.
    "visibility_timeout": max(w.hard_limit for w in WORKLOADS.values()) + LONGEST_DELAY + 60,
    **BROKER_SOCKETS,
    **sentinel_options(
        REDIS_URL,
        service=env("REDIS_SENTINEL_SERVICE", default="mymaster"),
        password=env("REDIS_SENTINEL_PASSWORD", default=""),
        sockets=BROKER_SOCKETS,
    ),
}
# When the connection breaks, the job goes on: its message comes back only after the visibility timeout.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TASK_QUEUES = queues(WORKLOADS, CELERY_BROKER_URL)
# {% else %}
# One URL, or one of each node of a cluster, with semicolons between them: who loses one node goes to the next.
CELERY_BROKER_URL = env("AMQP_URL", default="amqp://guest:guest@localhost:5672//")
CELERY_BROKER_USE_SSL = tls_options(CELERY_BROKER_URL, name=env("AMQP_TLS_NAME", default=""))
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Without confirms, a publish to a broker that hangs looks like a success and the job is gone.
    "confirm_publish": True,
    "read_timeout": 2,
    "write_timeout": 2,
}
CELERY_BROKER_CONNECTION_TIMEOUT = 1
# When the connection breaks, RabbitMQ gives the job to another worker at once: stop it here.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
# Quorum queues hold back delayed jobs by themselves, but only behind a topic exchange; behind a direct one a job
# with a countdown blocks the worker that fetched it.
CELERY_TASK_DEFAULT_EXCHANGE = "jobs"
CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic"
CELERY_TASK_DEFAULT_ROUTING_KEY = "slow"
CELERY_TASK_QUEUES = queues(WORKLOADS, CELERY_BROKER_URL)
# {% endif %}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A request that cannot reach the broker tries once more, and each node of a cluster at least once, and then raises.
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    # {% if cookiecutter.broker == "rabbitmq" %}
    "max_retries": max(1, CELERY_BROKER_URL.count(";")),
    # {% else %}
    "max_retries": 1,
    # {% endif %}
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}

CELERY_TASK_ROUTES = routes(ROUTES)
# Celery's own housekeeping goes here; a task of yours has a route.
CELERY_TASK_DEFAULT_QUEUE = "slow"
# A queue nobody declared is a typo: publishing to it raises.
CELERY_TASK_CREATE_MISSING_QUEUES = False

# -- What a job may be --------------------------------------------------------------------------------------------
# JSON and nothing else: what unpickles can run code.
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ANNOTATIONS = task_limits(ROUTES, WORKLOADS)
# A task without a class of its own is bounded too.
CELERY_TASK_SOFT_TIME_LIMIT = max(w.soft_limit for w in WORKLOADS.values())
CELERY_TASK_TIME_LIMIT = max(w.hard_limit for w in WORKLOADS.values())

# -- No job lost --------------------------------------------------------------------------------------------------
# Acknowledge when the work is done, and give it back when the process that did it died. So a task can start twice:
# tasks are written to be idempotent, and the job layer bounds how often one that kills its worker comes back.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# On SIGTERM a worker gives short jobs this many seconds; longer ones go back to their queue at once.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5

# The policy of the job layer. Every setting, its default and its reason: the README of djcelery-jobs.
DJCELERY_JOBS = {
    # Days that finished jobs are kept. Dead jobs are kept until somebody discards them.
    "KEPT_DAYS": 7,
    # A worker and beat touch this file while they do their work, for the probe of a container. One file for each
    # process: where several share a machine, leave it out.
    "HEARTBEAT_FILE": env("JOBS_HEARTBEAT_FILE", default=""),
    # The bearer token that Prometheus sends. Without it, only people who may view jobs in the admin get /metrics.
    "METRICS_TOKEN": env("METRICS_TOKEN", default=""),
}

# -- Results ------------------------------------------------------------------------------------------------------
# A kept result is one more write for each job, so tasks keep none
# {% if cookiecutter.results == "django" %}
# unless they ask for it with `@shared_task(ignore_result=False)`.
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
CELERY_RESULT_EXPIRES = 7 * 24 * 3600  # seconds
# {% else %}
# and there is no place to keep them: nothing here reads what a task returns.
CELERY_RESULT_EXPIRES = None  # nothing to clean up either
# {% endif %}
CELERY_TASK_IGNORE_RESULT = True

# -- Workers ------------------------------------------------------------------------------------------------------
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A fresh process now and then bounds what a leak can take.
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
# Never: Celery would close each database connection before and after each job.
CELERY_DB_REUSE_MAX = sys.maxsize
# Keeps messages that no task can be run for, with the dead letters.
CELERY_WORKER_CONSUMER = "djcelery_jobs:Consumer"
# LOGGING in base.py decides about logs; Celery would replace it, and turn each print into a warning.
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
# Events cost a message per job and nobody here reads them. `worker -E` turns them on for an hour of looking.
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"
