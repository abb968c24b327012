# Thin: each line calls a script or the CLI. `make demo` shows the product, `make test` proves it.
PYTHON := .venv/bin/python

.PHONY: setup demo demo-down demo-migration test test-long test-migration test-matrix test-fleet bench images docs workflows previews clean

setup: ## Engine, images, virtual environment, Pulumi: whatever is missing
	@python3 scripts/setup

demo: setup ## A tenant on this machine, with mail in and out
	@$(PYTHON) -m world.demo up

demo-down: ## Remove the demo; volumes with mail are removed too
	@test -x $(PYTHON) || { echo "demo-down: this tree is not set up, so nothing of it runs; else: make setup" >&2; exit 1; }
	@$(PYTHON) -m world.demo down

demo-migration: setup ## A customer moves from the shared host to its own stack, with mail flowing
	@$(PYTHON) -m world.moving

test: setup ## Lint, types, import rules, tests
	@$(PYTHON) -m ruff check
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports
	@$(PYTHON) -m pytest

test-long: setup ## What `test` leaves out for its length (tests/conftest.py), on real tenants
	@MAILTENANT_LONG=1 $(PYTHON) -m pytest $$($(PYTHON) -c "from tests.conftest import LONG; print(*(f'tests/{one}' for one in LONG))")

test-migration: setup ## The whole matrix of migrations: kills, rollbacks and faults at every step
	@MAILTENANT_LONG=1 MAILTENANT_MATRIX=whole $(PYTHON) -m pytest tests/unit/workflow tests/world/workflow tests/world/migration
	@MAILTENANT_LONG=1 MAILTENANT_MATRIX=whole MAILTENANT_MATRIX_DATABASE=postgresql $(PYTHON) -m pytest tests/world/migration/test_real_matrix.py

test-matrix: setup ## Of these the matrix on one long-lived pair of real servers
	@MAILTENANT_LONG=1 MAILTENANT_MATRIX=whole $(PYTHON) -m pytest tests/world/migration/test_real_matrix.py

test-fleet: setup ## Twelve real tenants rolled in waves, one worker killed, one tenant broken
	@MAILTENANT_LONG=1 MAILTENANT_FLEET_SIZE=12 $(PYTHON) -m pytest tests/world/fleet

bench: setup ## Measurements, written to docs/
	@$(PYTHON) -m bench

images: ## Build the images that changed
	@python3 scripts/setup images

docs: setup ## Write the generated pages anew
	@.venv/bin/mailtenant schema
	@$(PYTHON) -m components.reference

workflows: ## The workflows, looked at by actionlint (needs Go)
	@go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

previews: setup ## Record what the engine says of the golden pull requests, and write their comments anew
	@$(PYTHON) -m tests.pull_requests.record
	@UPDATE_GOLDEN=1 $(PYTHON) -m pytest tests/pull_requests

clean: ## Remove what tools wrote into the tree (not the cache, not .state)
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
