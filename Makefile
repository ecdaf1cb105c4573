# `make help` lists the targets. The environment is made on first use and whenever the lock changes.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.installed

# NAME=value where the command line gives it, and nothing where only the environment does
given = $(if $(filter command line,$(origin $(1))),$(1)=$($(1)))

.DEFAULT_GOAL := demo
.PHONY: help promo demo up down ps scale autoscale settings topics dlq webhooks export report rebuild reconcile forget customer \
	test test-tools bench bench-reads bench-peers bench-staleness bench-live bench-worst-cases chaos surge surge-pressure screenshots \
	simulate fuzz check audit format lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /\1\t/' | \
		while IFS="$$(printf '\t')" read -r name text; do printf '%-16s %s\n' "$$name" "$$text"; done

demo: $(READY) ## start everything, let customers race for portions, check the result; DEMO_EXIT=1: then stop
	@$(RUN) -m compose demo $(if $(filter 1,$(DEMO_EXIT)),--exit)

up: $(READY) ## start everything in the background; EDGE=1: with nginx before ingress
	@$(if $(filter 1,$(EDGE)),PROMO_EDGE_ENABLED=1) $(RUN) -m compose up

down: $(READY) ## stop what up started
	@$(RUN) -m compose down

ps: $(READY) ## print one JSON line per running process
	@$(RUN) -m compose ps

scale: $(READY) ## change the number of processes: streams=3 ingress=2; alone: show the bounds
	@$(RUN) -m compose scale $(call given,streams) $(call given,ingress) $(call given,egress) $(call given,payments)

autoscale: $(READY) ## scale a running stack by its load until Ctrl-C; ARGS="--max streams=3"
	@$(RUN) -m compose autoscale $(ARGS)

settings: $(READY) ## list every setting, its default and its meaning
	@$(RUN) -m compose settings

topics: $(READY) ## create the missing topics in Kafka
	@$(RUN) -m compose topics

dlq: $(READY) ## dead letters: ARGS="list", show, redrive, drop
	@$(RUN) -m compose dlq $(ARGS)

webhooks: $(READY) ## webhooks: ARGS="list", log, redeliver, enable
	@$(RUN) -m compose webhooks $(ARGS)

export: $(READY) ## facts as Parquet files: ARGS="--into DIR --until-end"
	@$(RUN) -m compose export $(ARGS)

report: $(READY) ## how a promotion went: ARGS="--parquet DIR RESTAURANT PROMOTION"
	@$(RUN) -m compose report $(ARGS)

rebuild: $(READY) ## rebuild all views into a new generation, then switch readers to it
	@$(RUN) -m compose rebuild

reconcile: $(READY) ## compare the payment provider's books with the facts: ARGS="--days 3"
	@$(RUN) -m compose reconcile $(ARGS)

forget: $(READY) ## make personal data of orders unreadable for good: ARGS="ORDER..."
	@$(RUN) -m compose forget $(ARGS)

customer: $(READY) ## forget a customer or export what is stored of one: ARGS="export CUSTOMER_ID"
	@$(RUN) -m compose customer $(ARGS)

promo: $(READY) ## any command of .venv/bin/promo: ARGS="--help"
	@$(RUN) -m compose $(ARGS)

test: $(READY) ## run all tests, against a real Kafka and Redis
	$(RUN) -m pytest tests/unit -n 2 --dist loadfile
	$(RUN) -m pytest tests/integration tests/e2e

test-tools: ## install Chromium, nginx, promtool and node for the tests that need them, where apt-get may
	@tests/install_tools.sh

bench: $(READY) ## confirmation latency by stage at a steady rate: RATE, SECONDS
	$(RUN) -m tests.bench $(if $(RATE),--rate $(RATE)) $(if $(SECONDS),--seconds $(SECONDS))

bench-reads: $(READY) ## menus per second, compared with other systems (PROMO_BENCH: their suite): SYSTEMS, ROUNDS
	$(RUN) -m tests.bench.reads $(if $(SYSTEMS),--systems $(SYSTEMS)) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-peers: $(READY) ## orders per second, compared with other systems (PROMO_BENCH: their suite): SYSTEMS, ROUNDS
	$(RUN) -m tests.bench.peers $(if $(SYSTEMS),--systems $(SYSTEMS)) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-staleness: $(READY) ## age of menus while orders come in: RATE, SECONDS
	$(RUN) -m tests.bench.staleness $(if $(RATE),--rate $(RATE)) $(if $(SECONDS),--seconds $(SECONDS))

bench-live: $(READY) ## memory and push latency with many live clients: STREAMS, BOARDS
	$(RUN) -m tests.bench.live $(if $(STREAMS),--streams $(STREAMS)) $(if $(BOARDS),--boards $(BOARDS))

bench-worst-cases: $(READY) ## menus while a client sends the worst requests that we know: RATE, SECONDS
	$(RUN) -m tests.bench.worst_cases $(if $(RATE),--rate $(RATE)) $(if $(SECONDS),--seconds $(SECONDS))

chaos: $(READY) ## the fault campaign with its checker: MINUTES, SEED, FAULTS (names with commas), COMPARISON=1
	$(RUN) -m tests.chaos $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) \
		$(if $(FAULTS),--faults "$(FAULTS)") $(if $(filter 1,$(COMPARISON)),--comparison)

surge: $(READY) ## a promotion window as a load test: MINUTES (15: all of it), BASELINE=reads:orders, AUTOSCALE=1
	$(RUN) -m tests.surge $(if $(MINUTES),--minutes $(MINUTES)) $(if $(BASELINE),--baseline $(BASELINE)) \
		$(if $(filter 1,$(AUTOSCALE)),--autoscale)

surge-pressure: $(READY) ## orders decided per second at up to three times the capacity
	$(RUN) -m tests.surge.pressure

screenshots: $(READY) ## the pictures of the README, from a real browser
	$(RUN) -m tests.screenshots

simulate: $(READY) ## the deterministic simulation: SEEDS, FIRST
	$(RUN) -m tests.simulation $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FIRST),--first $(FIRST))

fuzz: $(READY) ## generated requests of every operation, with judged answers: CASES, SEED, ONLY
	$(RUN) -m tests.fuzz $(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only "$(ONLY)")

check: $(READY) ## formatting, lint, types, import arrows, words, references, manifests, known vulnerabilities
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(RUN) -m pytest -q tests/style tests/unit/schemas tests/unit/ingress/test_openapi.py -k "style or current"
	$(RUN) -m tests.manifests
	$(RUN) -m tests.audit

audit: $(READY) ## known vulnerabilities of locked dependencies; AUDIT=required: fail if they cannot be looked up
	$(RUN) -m tests.audit

format: $(READY) ## format the code and fix what lint can fix
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

# uv makes the lock; the product does not need it
lock: $(READY) ## write the locks again after a change of setup.cfg
	$(RUN) -m venv build/uv
	build/uv/bin/pip install --quiet uv
	build/uv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		setup.cfg --extra stack --extra otel --extra dev -o requirements.lock
	build/uv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		-c requirements.lock setup.cfg --extra otel -o compose/image/requirements.lock

clean: ## remove everything that was made here: environment, data, builds
	rm -rf $(VENV) build .promo .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(READY): requirements.lock compose/install.sh
	@compose/install.sh "$(PYTHON)" "$(VENV)" requirements.lock
	@touch $@
