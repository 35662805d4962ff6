# Each command does its own set-up: a virtual environment with locked, hash-checked dependencies.
# Variables: PYTHON (an interpreter, 3.11 or newer), ARGS (passed on to the command).

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo up observe test check format lock clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.runtime  ## see it work: a simulated restaurant, a mailbox, a story (ARGS=--once ends by itself)
	@$(BIN)/houstons demo $(ARGS)

up: $(VENV)/.runtime  ## run it for real: web, workers and scheduler; data in .data/
	@$(BIN)/houstons up $(ARGS)

observe: $(VENV)/.runtime  ## dashboards and alarms of a running `make up` or `make demo` (needs Prometheus, knows Grafana)
	@$(BIN)/houstons observe $(ARGS)

test: $(VENV)/.dev  ## all tests, against real Postgres, Valkey, SMTP and the simulator
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.dev  ## format, lint, types, import rules, fast tests; under a minute
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q -m fast

format: $(VENV)/.dev  ## format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-header

lock: $(VENV)/.dev  ## resolve the dependencies anew
	@$(COMPILE) --upgrade --extra local --output-file requirements.lock
	@$(COMPILE) --upgrade --extra local --extra dev --constraint requirements.lock --output-file requirements-dev.lock

clean:  ## remove what the commands above made, but for .data/
	rm -rf $(VENV) *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found; install it, or say where: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11; say where a newer one is: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); echo "Python could not make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing the dependencies into $(VENV) (once; about a minute) …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing the test tools into $(VENV) (once) …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@touch $@
