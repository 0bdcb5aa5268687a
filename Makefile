# `make demo` shows vitalspan at work, `make test` checks everything; `make help` lists the rest.
# Needs only python3 (3.11 or newer) with venv, and writes only into this folder (and pip's and Go's caches).

PYTHON ?= python3
SHELL := /bin/sh
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet
# `make demo SECONDS=60` and `make demo ARGS="--seconds 60"` mean the same.
DEMO_ARGS := $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)
GO := $(shell command -v go 2>/dev/null)
# What the sessions check is in noxfile.py. The Collector is built when Go is there; without it rotel stands in.
SESSIONS ?= $(if $(GO),collector) lint types floors docs e2e cover tests

.DEFAULT_GOAL := help
.PHONY: help demo test collector clean
.DELETE_ON_ERROR:

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/installed-demo ## Run a small service that fails and recovers, and watch what it reports (SECONDS=60 ends it)
	@$(VENV)/bin/vitalspan demo $(DEMO_ARGS)

test: $(VENV)/installed-nox ## Run everything that a change must pass (SESSIONS="lint types" for a part)
	@$(VENV)/bin/nox --sessions $(SESSIONS)

collector: $(VENV)/installed-nox ## Build the OpenTelemetry Collector for the end-to-end tests (needs Go)
	@$(VENV)/bin/nox --sessions collector

clean: ## Remove what these commands have made
	rm -rf $(VENV) .nox .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "vitalspan needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
		     "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "'$(PYTHON)' cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(VENV)/installed-demo: pyproject.toml | $(VENV)/bin/python
	@echo "Installing vitalspan into $(VENV) ..."
	@$(PIP) --editable '.[cli]'
	@touch $@

$(VENV)/installed-nox: pyproject.toml | $(VENV)/bin/python
	@echo "Installing nox into $(VENV) ..."
	@$(PIP) 'nox>=2026.10'
	@touch $@
