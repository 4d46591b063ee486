"""The settings of a plain Django project, for the peers that live in one."""

import os

SECRET_KEY = "for measuring alone"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django_celery_results", "django_celery_beat", "django_q", "jobs"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["PGHOST"],
        "USER": os.environ["PGUSER"],
        "NAME": os.environ["PGDATABASE"],
    }
}
CELERY_BROKER_URL = os.environ["PEER_BROKER"]
CELERY_TASK_DEFAULT_QUEUE = os.environ["PEER_QUEUE"]
CELERY_RESULT_BACKEND = "django-db"
CELERY_WORKER_PREFETCH_MULTIPLIER = 128
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
Q_CLUSTER = {
    "name": "peers",
    "orm": "default",
    "workers": 2,
    "bulk": 100,
    "poll": 0.1,
    "queue_limit": 1000,
    "recycle": 1_000_000,
    "timeout": 60,
    "retry": 120,
    "save_limit": 0,
    "label": "peers",
}
