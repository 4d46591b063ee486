"""Every setting, in reading order. Each comes from the environment; `.env.example` lists and explains them all."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from scheduler_project.env import environment

BASE_DIR = Path(__file__).resolve().parent.parent
ENV = environment(BASE_DIR)

# --- who we are -------------------------------------------------------------------------------------------------
DEBUG = ENV.debug
SECRET_KEY = ENV.secret_key
ALLOWED_HOSTS = ENV.allowed_hosts
ROOT_URLCONF = "scheduler_project.urls"
WSGI_APPLICATION = "scheduler_project.wsgi.application"

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
    "events",
    "handlers.log",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
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
STATIC_ROOT = BASE_DIR / "var" / "static"

# --- time -------------------------------------------------------------------------------------------------------
# Instants are UTC everywhere; local time belongs to entities and rules, never to the server.
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

# --- Punctual ---------------------------------------------------------------------------------------------------
PUNCTUAL_HANDLERS = ENV.handlers
PUNCTUAL_HORIZON = ENV.horizon
PUNCTUAL_SWEEP_SECONDS = ENV.sweep_seconds
PUNCTUAL_CLAIM_LEASE = ENV.claim_lease
PUNCTUAL_RUN_LEASE_MARGIN = ENV.run_lease_margin
PUNCTUAL_CLAIM_BATCH = ENV.claim_batch
PUNCTUAL_CHUNK = ENV.chunk
PUNCTUAL_IN_FLIGHT_CAP = ENV.in_flight_cap
PUNCTUAL_WORKERS = ENV.workers
PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS = ENV.webhook_allowed_networks

# --- Celery (why each is so: docs/adr/) -------------------------------------------------------------------------
CELERY_BROKER_URL = ENV.broker_url
CELERY_BROKER_TRANSPORT_OPTIONS = ENV.broker_transport_options
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
CELERY_RESULT_EXPIRES = timedelta(days=7)
CELERY_CACHE_BACKEND = "django-cache"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_TRACK_STARTED = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = True
CELERY_DB_REUSE_MAX = 500
CELERY_BEAT_SCHEDULER = "scheduler_project.beat:OutageProofScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
