.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
export UV_PYTHON_DOWNLOADS := never
# A suite of one's own state folder and ports: make run CSMS_HOME=... CSMS_OCPP_PORT=...
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

MEMBERS := shared services/ws-gateway services/session-service services/station-registry services/command-api simulator local
STAMP := $(VENV)/.synced

.PHONY: help
help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): requirements/dev.txt requirements/members.txt requirements/uv.txt $(addsuffix /pyproject.toml,$(MEMBERS))
	@echo "making the environment in $(VENV)"
	@test -x $(VENV)/bin/python || python3 -m venv $(VENV)
	@$(VENV)/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(VENV)/bin/uv pip sync -q -p $(VENV) requirements/dev.txt requirements/members.txt
	@touch $@

.PHONY: env
env: $(STAMP) ## Make the Python environment in .venv

.PHONY: lock
lock: env ## Compile the hashed requirements anew
	@requirements/compile
