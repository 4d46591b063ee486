"""Every setting, in reading order. Each comes from the environment; `.env.example` lists and explains them all."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from scheduler_project import filebroker, logs
from scheduler_project.env import InvalidSetting, environment

BASE_DIR = Path(__file__).resolve().parent.parent
try:
    ENV = environment(BASE_DIR)
except InvalidSetting as error:
    # One sentence for the operator, whichever program reads the settings; a traceback would hide it.
    raise SystemExit(f"punctual: {error}") from None

# --- who we are -------------------------------------------------------------------------------------------------
DEBUG = ENV.debug
SECRET_KEY = ENV.secret_key
ALLOWED_HOSTS = ENV.allowed_hosts
CSRF_TRUSTED_ORIGINS = ENV.csrf_trusted_origins
ROOT_URLCONF = "scheduler_project.urls"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
WSGI_APPLICATION = "scheduler_project.wsgi.application"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]  # fmt: skip

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "pgtrigger",
    "django_celery_beat",
    "django_celery_results",
    "django_structlog",
    "ninja",
    "events",
    "handlers.log",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "events.api.door.Door",
    "scheduler_project.middleware.compare_clocks",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- where things are kept --------------------------------------------------------------------------------------
DATABASES = {"default": ENV.database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
STATIC_ROOT = ENV.var / "static"

# --- time -------------------------------------------------------------------------------------------------------
# Instants are UTC everywhere; local time belongs to entities and rules, never to the server.
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

# --- Punctual ---------------------------------------------------------------------------------------------------
PUNCTUAL_HANDLERS = ENV.handlers
PUNCTUAL_REMINDER_HANDLER = ENV.reminder_handler
PUNCTUAL_HORIZON = ENV.horizon
PUNCTUAL_PLANNERS = ENV.planners
PUNCTUAL_SWEEP_SECONDS = ENV.sweep_seconds
PUNCTUAL_CLAIM_LEASE = ENV.claim_lease
PUNCTUAL_RUN_LEASE_MARGIN = ENV.run_lease_margin
PUNCTUAL_CLAIM_BATCH = ENV.claim_batch
PUNCTUAL_CHUNK = ENV.chunk
PUNCTUAL_IN_FLIGHT_CAP = ENV.in_flight_cap
PUNCTUAL_BREAKER_FAILURES = ENV.breaker_failures
PUNCTUAL_BREAKER_WINDOW = ENV.breaker_window
PUNCTUAL_CATCH_UP_PER_SECOND = ENV.catch_up_per_second
PUNCTUAL_WORKERS = ENV.workers
PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS = ENV.webhook_allowed_networks
PUNCTUAL_REGISTRATION_OPEN = ENV.registration_open
PUNCTUAL_API_PER_MINUTE = ENV.api_per_minute
PUNCTUAL_TRUSTED_PROXIES = ENV.trusted_proxies

# --- logs: one readable line each, or JSON -----------------------------------------------------------------------
logs.configure_structlog()
LOGGING = logs.logging_config(ENV.log_format, ENV.log_level)
DJANGO_STRUCTLOG_CELERY_ENABLED = True

# --- Celery (why each is so: docs/adr/) -------------------------------------------------------------------------
CELERY_BROKER_URL = "filesystem://localhost" if ENV.broker_url == "filesystem://" else ENV.broker_url
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 4
if ENV.broker_url.startswith("filesystem"):
    CELERY_BROKER_TRANSPORT = "scheduler_project.filebroker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = filebroker.options(ENV.var / "broker")
else:
    # Without confirms a message counts as sent while the broker has nothing. The timeouts bound a write to a
    # broker that accepts the connection and then stays silent.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True, "read_timeout": 10, "write_timeout": 10}
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
CELERY_RESULT_EXPIRES = timedelta(days=7)
CELERY_CACHE_BACKEND = "django-cache"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "maintenance"
CELERY_TASK_DEFAULT_EXCHANGE = "punctual"
CELERY_TASK_DEFAULT_ROUTING_KEY = "maintenance"
CELERY_TASK_CREATE_MISSING_QUEUES = False
# punctual.execute names its queue, the lane, at every call
CELERY_TASK_ROUTES = {
    "punctual.sweep": {"queue": "sweep"},
    "punctual.plan": {"queue": "maintenance"},
    "punctual.prune": {"queue": "maintenance"},
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_TRACK_STARTED = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = ENV.worker_concurrency
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_SEND_TASK_EVENTS = True
# One connection for each worker child through many tasks; Celery closes it after every task otherwise.
CELERY_DB_REUSE_MAX = 500
CELERY_BEAT_SCHEDULER = "scheduler_project.beat:OutageProofScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
