# One small image for every process; the command says which one it is (docker-compose.yml).
FROM python:3.13-slim AS packages
COPY requirements.txt .
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-compile --require-hashes --only-binary :all: -r requirements.txt

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /app punctual && install -d -o punctual /app/var
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY . .
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    WEB_HOST=0.0.0.0 \
    PUNCTUAL_VAR=/app/var
# No database is asked for the static files, and the secret of this one command is thrown away.
RUN DEBUG=true python manage.py collectstatic --noinput --verbosity 0 && rm -f var/secret_key && chown -R punctual var
USER punctual
EXPOSE 8000
CMD ["gunicorn", "scheduler_project.wsgi", "--bind", "0.0.0.0:8000", "--threads", "4", "--preload"]
