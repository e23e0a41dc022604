# `make` alone lists what there is.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: .venv/ready ## make .venv from the locked, hashed packages

.venv/ready: requirements/dev.lock pyproject.toml
	@test -x $(BIN)/python || { echo "Making .venv …"; $(PYTHON) -m venv .venv; }
	@echo "Installing the locked packages …"
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.lock
	@$(BIN)/uv pip sync -q --python $(BIN)/python --require-hashes requirements/dev.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

lock: ## write the lock files anew (needs .venv)
	uv=$(BIN)/uv; c="pip compile -q --universal --generate-hashes --python-version 3.11 --custom-compile-command 'make lock'"; \
	echo 'uv' | eval $$uv $$c - -o requirements/uv.lock && \
	eval $$uv $$c pyproject.toml -o requirements/hearth.lock && \
	eval $$uv $$c pyproject.toml requirements/dev.in -o requirements/dev.lock

.PHONY: help setup lock
