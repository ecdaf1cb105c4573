# What each command does is in README.md. The environment is made on first use and when the lock changes.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.installed

# make scale streams=3: only what was said on the command line counts
said = $(if $(filter command line,$(origin $(1))),$(1)=$($(1)))

.DEFAULT_GOAL := demo
.PHONY: demo up down ps scale settings test bench bench-reads bench-peers bench-staleness bench-live chaos surge surge-pressure screenshots simulate fuzz rebuild check audit format lock clean

demo: $(READY)
	@$(RUN) -m compose demo $(if $(filter 1,$(DEMO_EXIT)),--exit)

up: $(READY)
	@$(if $(filter 1,$(EDGE)),PROMO_EDGE=1) $(RUN) -m compose up

down: $(READY)
	@$(RUN) -m compose down

ps: $(READY)
	@$(RUN) -m compose ps

scale: $(READY)
	@$(RUN) -m compose scale $(call said,streams) $(call said,ingress) $(call said,egress) $(call said,payments)

settings: $(READY)
	@$(RUN) -m compose settings

test: $(READY)
	$(RUN) -m pytest

bench: $(READY)
	$(RUN) -m tests.bench $(if $(RATE),--rate $(RATE)) $(if $(SECONDS),--seconds $(SECONDS))

bench-reads: $(READY)
	$(RUN) -m tests.bench.reads $(if $(SYSTEMS),--systems $(SYSTEMS)) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-peers: $(READY)
	$(RUN) -m tests.bench.peers $(if $(SYSTEMS),--systems $(SYSTEMS)) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-staleness: $(READY)
	$(RUN) -m tests.bench.staleness $(if $(RATE),--rate $(RATE)) $(if $(SECONDS),--seconds $(SECONDS))

bench-live: $(READY)
	$(RUN) -m tests.bench.live $(if $(STREAMS),--streams $(STREAMS)) $(if $(BOARDS),--boards $(BOARDS))

rebuild: $(READY)
	@$(RUN) -m egress rebuild

# FAULTS: all, or names with commas between; COMPARISON=1: Faust's own exactly_once as well
chaos: $(READY)
	$(RUN) -m tests.chaos $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) \
		$(if $(FAULTS),--faults "$(FAULTS)") $(if $(filter 1,$(COMPARISON)),--comparison)

# MINUTES: 15 is the whole window; BASELINE: reads:orders a second before the promotion
surge: $(READY)
	$(RUN) -m tests.surge $(if $(MINUTES),--minutes $(MINUTES)) $(if $(BASELINE),--baseline $(BASELINE)) \
		$(if $(filter 1,$(AUTOSCALE)),--autoscale)

surge-pressure: $(READY)
	$(RUN) -m tests.surge.pressure

screenshots: $(READY)
	$(RUN) -m tests.screenshots

simulate: $(READY)
	$(RUN) -m tests.simulation $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FIRST),--first $(FIRST))

fuzz: $(READY)
	$(RUN) -m tests.fuzz $(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only "$(ONLY)")

check: $(READY)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(RUN) -m compose.validation
	$(RUN) -m tests.audit

# AUDIT=required: fail where the advisory service cannot be reached
audit: $(READY)
	$(RUN) -m tests.audit

format: $(READY)
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

# uv is not a dependency of ours, only the maker of the lock
lock: $(READY)
	$(RUN) -m venv build/uv
	build/uv/bin/pip install --quiet uv
	build/uv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		setup.cfg --extra stack --extra otel --extra dev -o requirements.lock
	build/uv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		-c requirements.lock setup.cfg --extra otel -o compose/image/requirements.lock

clean:
	rm -rf $(VENV) build .promo .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(READY): requirements.lock compose/install.sh
	@compose/install.sh "$(PYTHON)" "$(VENV)" requirements.lock
	@touch $@
