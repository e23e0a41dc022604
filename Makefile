# `make` alone lists what there is.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PEER := deploy/peer
QUIET := $(shell test -t 2 || echo -q)
FAST := not live and not browser and not peer and not postgres
SHARED := -n 2 --dist loadscope --no-loadscope-reorder
SLOW := --ignore=tests/journeys --ignore=tests/web

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{sub(/:.*/, "", $$1); printf "  make %-7s %s\n", $$1, $$2}'

setup: .venv/ready ## make .venv from the locked, hashed packages

demo: .venv/ready ## a whole Hearth on this machine, to try (options: make demo ARGS="--peer --fresh")
	@exec $(BIN)/hearth demo $(ARGS)

lint: .venv/ready ## style, types, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint ## the same, and the fast tests
	$(BIN)/pytest -q $(SHARED) -m "$(FAST)" $(SLOW)

test: .venv/ready peer ## the whole suite; it ends by saying what it left out, and why
	$(BIN)/pytest $(SHARED) $(ARGS)

bench: .venv/ready ## measure; figures, no verdicts
	$(BIN)/python -m benchmarks $(ARGS)

soak: .venv/ready ## the long counts: kills, fuzz, every zone
	HEARTH_SOAK=1 $(BIN)/pytest $(ARGS)

# The strict client of the tests and of `hearth demo --peer`, where Node is there.
peer:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(PEER)/node_modules/.package-lock.json; fi

$(PEER)/node_modules/.package-lock.json: $(PEER)/package-lock.json
	@echo "Installing the strict client's packages …"
	@cd $(PEER) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

.venv/ready: requirements/dev.lock requirements/uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Hearth needs Python 3.11 or newer; choose one with PYTHON=…"; exit 1; }
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/pip --version >/dev/null 2>&1 || { echo "Making .venv …"; \
	  $(PYTHON) -m venv --clear .venv || { rm -rf .venv; echo "On Debian: apt install python3-venv, then again."; exit 1; }; }
	@echo "Installing the locked packages (a minute or two the first time) …"
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.lock
	@$(BIN)/uv pip sync --compile-bytecode $(QUIET) --python $(BIN)/python --require-hashes requirements/dev.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

lock: ## write the lock files anew (needs .venv and npm)
	uv=$(BIN)/uv; c="pip compile -q --universal --generate-hashes --python-version 3.11 --custom-compile-command 'make lock'"; \
	echo 'uv' | eval $$uv $$c - -o requirements/uv.lock && \
	eval $$uv $$c pyproject.toml -o requirements/hearth.lock && \
	eval $$uv $$c pyproject.toml requirements/dev.in -o requirements/dev.lock && \
	eval $$uv $$c requirements/peers.in -o requirements/peers.lock
	cd $(PEER) && npm install --package-lock-only --ignore-scripts --no-audit --no-fund --omit-lockfile-registry-resolved && \
	node -e "const fs = require('fs'), f = 'package-lock.json', lock = JSON.parse(fs.readFileSync(f)); \
	  for (const p of Object.values(lock.packages)) delete p.funding; fs.writeFileSync(f, JSON.stringify(lock, null, 2) + '\\n')"

.PHONY: help setup demo lint check test bench soak peer lock
