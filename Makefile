# Every target sets itself up: a virtual environment in .venv, installed from requirements.lock.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo run test tools lint bench lock clean help
help:
	@echo "make demo | run | test | lint | bench | lock | clean"

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; set PYTHON=python3.x")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)
	$(BIN)/tracker-gateway demo

run: $(STAMP)
	$(BIN)/tracker-gateway serve

# The tests of MQTT run against a real broker: Mosquitto of Debian's archive, with openssl for its certificates.
tools:
	@command -v mosquitto >/dev/null && command -v openssl >/dev/null || PATH=$$PATH:/usr/sbin command -v mosquitto >/dev/null || { \
	  echo "installing mosquitto"; \
	  SUDO=$$(test "$$(id -u)" = 0 || echo sudo); \
	  $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq --no-install-recommends mosquitto openssl >/dev/null; } || \
	  { echo "the tests need mosquitto and openssl: install them (apt-get install mosquitto openssl)" >&2; exit 1; }

test: $(STAMP) tools
	$(BIN)/python -m pytest -n 2

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python -m benchmarks

# Renews the locked versions within the bounds of pyproject.toml.
lock: $(STAMP)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV)
