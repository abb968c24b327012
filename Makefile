# Thin: each line calls a script or the CLI. `make demo` shows the product, `make test` proves it.
PYTHON := .venv/bin/python

.PHONY: setup demo demo-down test test-fleet bench images docs clean

setup: ## Engine, images, virtual environment, Pulumi: whatever is missing
	@python3 scripts/setup

demo: setup ## A tenant on this machine, with mail in and out
	@$(PYTHON) -m world.demo up

demo-down: ## Remove the demo; volumes with mail are removed too
	@test -x $(PYTHON) || { echo "demo-down: this tree is not set up, so nothing of it runs; else: make setup" >&2; exit 1; }
	@$(PYTHON) -m world.demo down

test: setup ## Lint, types, import rules, tests
	@$(PYTHON) -m ruff check
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports
	@$(PYTHON) -m pytest

test-fleet: setup ## Twelve real tenants rolled in waves, one worker killed, one tenant broken
	@MAILTENANT_FLEET_SIZE=12 $(PYTHON) -m pytest tests/world/fleet

bench: setup ## Measurements, written to docs/
	@$(PYTHON) -m bench

images: ## Build the images that changed
	@python3 scripts/setup images

docs: setup ## Write the generated pages anew
	@.venv/bin/mailtenant schema
	@$(PYTHON) -m components.reference

clean: ## Remove what tools wrote into the tree (not the cache, not .state)
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
