# Two commands: `make test` installs everything and runs every check, `make sweep` trains on simulated traffic.
PYTHON ?= python3.11
VENV ?= .venv
DEMO ?= demo
BIN := $(VENV)/bin

.PHONY: test sweep install lint format clean

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

sweep: install
	$(BIN)/python -m trainable simulate $(DEMO)/raw --height 192 --width 320 --train 24 --val 8 --test 4 --duration 3
	$(BIN)/python -m trainable preprocess $(DEMO)/raw $(DEMO)/preprocessed --dataset demo --workers 2
	$(BIN)/python -m trainable train dataset=demo dataset.path=$(DEMO)/preprocessed +experiment=demo output_dir=$(DEMO)/runs

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(DEMO) build *.egg-info
