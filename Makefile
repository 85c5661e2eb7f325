# Two commands: `make test` installs everything and runs every check, `make sweep` runs a small sweep on simulated
# traffic, or with DATA=FOLDER on the raw recordings in that folder's train/ and val/, and writes its report. All it
# makes lies in DEMO.
PYTHON ?= python3.11
VENV ?= .venv
DEMO ?= demo
DATA ?=
TRIALS ?= 8
OVERRIDES ?=
BIN := $(VENV)/bin
RAW := $(if $(DATA),$(patsubst %/,%,$(DATA)),$(DEMO)/raw)
SWEEP := $(if $(DATA),$(notdir $(RAW)),demo)
# Real recordings may have no small objects to judge by.
OBJECTIVES := $(if $(DATA),--objective AP,--objective AP_S --objective AP)
# Half of the demo's steps: before, its trials tell too little. Another budget has rungs of its own.
FIRST_RUNG := $(if $(DATA)$(OVERRIDES),,--grace-steps 200)

.PHONY: test sweep install lint format clean

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# A second time it goes on with the sweep, or shows its result.
sweep: install
ifeq ($(DATA),)
	$(BIN)/python -m trainable simulate "$(RAW)" --height 192 --width 320 --train 24 --val 8 --test 4 --duration 3
endif
	$(BIN)/python -m trainable preprocess "$(RAW)" "$(DEMO)/$(SWEEP)" --dataset demo --workers 2
	if [ -d "$(DEMO)/sweeps/$(SWEEP)" ]; then \
		$(BIN)/python -m sweep resume "$(SWEEP)" --storage "$(DEMO)/sweeps"; \
	else \
		$(BIN)/python -m sweep run --space demo --name "$(SWEEP)" --storage "$(DEMO)/sweeps" --trials $(TRIALS) \
			--reduction-factor 2 $(FIRST_RUNG) \
			$(OBJECTIVES) dataset=demo "dataset.path='$(DEMO)/$(SWEEP)'" dataset.resolution_hw=null +experiment=demo \
			$(OVERRIDES); \
	fi
	$(BIN)/python -m reports build "$(SWEEP)" --tracking-uri "sqlite:///$(DEMO)/sweeps/mlflow.db" --out "$(DEMO)/report"

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
