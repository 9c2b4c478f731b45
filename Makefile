# Needs Python 3.10 or newer and make; everything else is installed into .venv.
#   make PYTHON=/path/to/python3 ...   uses another Python than the first `python3` on the PATH.

PYTHON ?= python3
DEMO_DIR ?= runs/digits
DEMO_FLAGS ?=

VENV := .venv
BIN := $(VENV)/bin
# TensorFlow's GPU build where a driver answers, otherwise the much smaller CPU build. A stamp for
# each: when a GPU appears or goes, the other build is installed.
BUILD := $(shell nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo cpu)
STAMP := $(VENV)/.installed-$(BUILD)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Every worker holds a TensorFlow of its own: more than four cost memory and win no time.
# Worksteal leaves the tests of a file together, and with them what they share.
PYTEST := $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=worksteal

.DEFAULT_GOAL := help
# What computes on the device, and not what reads files and flags.
GPU_TESTS := tests/gpu_test.py tests/xadv_tf/*_test.py tests/xadv_tf/layers tests/xadv_tf/optimizers \
  tests/xadv_tf/methods/base_test.py tests/xadv_tf/methods/steps_test.py \
  tests/xadv_tf/methods/vat_test.py tests/xadv_tf/methods/xvat_test.py \
  tests/xadv_tf/methods/replicas_test.py tests/xadv_tf/methods/compiled_metrics_test.py \
  tests/trainers/run/loop_test.py \
  tests/trainers/run/strategies_test.py \
  tests/trainers/resume_test.py
# Eight workers share a card well; the rest of the time is compiling, which is the host's.
GPU_PYTEST := $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=8 -m "not slow"

.PHONY: help demo test test-all test-gpu lint clean

help:
	@echo "make demo      train MLE, RandomMask, VAT, xVAT-I and xVAT-T on real digits; print their table"
	@echo "               (DEMO_FLAGS=\"--train_steps=100\" for a short run, DEMO_DIR=$(DEMO_DIR))"
	@echo "make test      ruff, mypy and the tests, without those marked slow"
	@echo "make test-all  the same with the slow tests"
	@echo "make test-gpu  the tests of what computes on a GPU, on a machine that has one"
	@echo "make lint      ruff and mypy only"
	@echo "make clean     remove .venv and caches; runs/ stays"

demo: $(STAMP)
	@$(BIN)/python -m trainers.reproduce --table=digits --workdir=$(DEMO_DIR) $(DEMO_FLAGS)

test: lint
	$(PYTEST)

test-all: lint
	$(PYTEST) -m "slow or not slow"

# The second time two replicas, on two GPUs that are made of one.
test-gpu: $(STAMP)
	XADV_TF_TEST_GPU=1 $(GPU_PYTEST) $(GPU_TESTS)
	XADV_TF_TEST_GPU=split $(GPU_PYTEST) -k "replicas or gpus" $(GPU_TESTS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Before anything is written, one sentence for each thing that a fresh machine may lack.
$(STAMP): pyproject.toml
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
	  echo "Python 3.10 or newer is needed; name it with PYTHON=/path/to/python3. Received: PYTHON=$(PYTHON), which was not found" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "Python 3.10 or newer is needed; name it with PYTHON=/path/to/python3. Received: $$("$(PYTHON)" --version 2>&1)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$$("$(PYTHON)" --version) lacks its venv module; install it (on Debian or Ubuntu: apt-get install python3-venv) and run make again." >&2; exit 1; }
	@if ls $(VENV)/.installed-* >/dev/null 2>&1 && [ ! -e $@ ]; then rm -rf $(VENV); fi
	@echo "Setting up $(VENV) with the $(BUILD) build of TensorFlow: up to 1 GB (gpu: 5 GB) to download and unpack, some minutes, once."
	@"$(PYTHON)" -m venv $(VENV)
	@# The pip that came with Python 3.10 searches this set of packages for more than ten minutes.
	@$(PIP) --upgrade pip
	@$(PIP) --editable ".[$(BUILD),dev]"
	@touch $@
	@echo "$(VENV) is ready."

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find xadv_tf trainers flags tests -name __pycache__ -type d -prune -exec rm -rf {} +
