# Everything that a person or a machine does with this folder. `make help` lists it.
# Settings may be given on the command line: make up WEB_PORT=8001
SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
RUN := $(VENV)/bin/python
LOCK := requirements-dev.txt
MAKEFLAGS += --no-print-directory

.PHONY: help up test check tests tests-live tests-long tests-others lint format lock bench bench-quick peers faults fuzz clean env

help: ## Say what can be done here
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

up: env ## Start everything on this machine, until Ctrl-C
	@exec $(RUN) -m scheduler_project.local

test: env check tests ## All checks and all tests

check: lint ## All checks: style, types, import contracts, migrations
	@$(RUN) -m mypy .
	@$(VENV)/bin/lint-imports --no-cache
	@$(RUN) -m tests.harness.with_postgres manage.py makemigrations --check --dry-run
	@DJANGO_SETTINGS_MODULE=scheduler_project.settings_for_checks \
		$(RUN) -m tests.harness.with_postgres manage.py lintmigrations

# Three runs, two side by side. One is of processes as they are started everywhere, and waits for them most of the time;
# one is of whatever else takes long; and where all others run coverage is measured: in that process alone.
LIVE := tests/acceptance tests/setup tests/browser tests/faults tests/model tests/cli tests/thirdparty_handler \
	tests/api/test_live.py
LONG := tests/concurrency $(addprefix tests/commands/test_,apply_as_process.py as_processes.py shards.py) \
	$(addprefix tests/engine/test_,after_completion_edits.py first_light.py plans_at_scale.py random.py)

tests: env ## All tests, with coverage
	@$(MAKE) --jobs 2 --output-sync=target tests-live tests-long tests-others

tests-live: env ## The tests of live processes alone
	@$(RUN) -m pytest $(LIVE)

tests-long: env ## The other long tests alone
	@$(RUN) -m pytest $(LONG)

tests-others: env ## All other tests alone, with coverage
	@$(RUN) -m coverage run -m pytest $(addprefix --ignore=,$(LIVE) $(LONG))
	@$(RUN) -m coverage report
	@$(RUN) -m coverage report --fail-under=100 \
		--include='events/timing/*,events/lifecycle.py,events/transitions.py,events/transitions/*'

lint: env ## Style alone
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .

format: env ## Put the code into shape
	@$(RUN) -m ruff check --fix-only --quiet .
	@$(RUN) -m ruff format .

bench: env ## Measure: occurrences per second, lateness, CPU, the nearest peers; ARGS="drain" for a part
	@exec $(RUN) -m benchmarks $(ARGS)

bench-quick: env ## The quick parts of that, with few rows, once
	@exec $(RUN) -m benchmarks --quick $(ARGS)

peers: env ## Measure others at the same work: some minutes, and packages of their own under var/
	@exec $(RUN) -m benchmarks.peers $(ARGS)

faults: env ## Break things on purpose: a table of what was lost, doubled, early
	@exec $(RUN) -m tests.faults $(ARGS)

fuzz: env ## Ask the API whatever its description allows, and more: some minutes
	@FUZZ_CALLS=1000 $(RUN) -m pytest tests/api/test_any_call.py --timeout=3600

lock: ## Write the locks again from pyproject.toml (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/" >&2; exit 1; }
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" pyproject.toml -o requirements.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --extra dev -c requirements.txt pyproject.toml -o $(LOCK)

clean: ## Remove the environment and what tools left; data under var/ stays
	@rm -rf $(VENV) htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

# The environment is made again when the lock changed: it keeps a copy of the one that it was made from.
env:
	@cmp -s $(LOCK) $(VENV)/made-from.txt && test -x $(RUN) || sh .ci/make-env "$(PYTHON)" $(VENV) $(LOCK)
