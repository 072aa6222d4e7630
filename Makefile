# The two commands a newcomer needs: make run, make test. Everything else is for people who change the code.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
MEASURED := build/measured
BASELINE := eval/data/baseline
Q ?= QLoRA 省显存靠哪几招？

export NOTECITE_LIBRARY ?= library
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run install test check format lint types subset gate baseline judge-checks ablation clean

run: $(INSTALLED)
	@$(BIN)/notecite sync notes
	@echo
	@echo "> $(Q)"
	@$(BIN)/notecite ask "$(Q)"
	@echo
	@echo "$(BIN)/notecite ui --library $(NOTECITE_LIBRARY)   opens notecite in a browser"

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

# Two processes, because each loads the models. A file stays in one of them: its tests share what they set up.
test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: format lint types test gate

format: $(INSTALLED)
	$(BIN)/ruff format --check .

lint: $(INSTALLED)
	$(BIN)/ruff check .

types: $(INSTALLED)
	$(BIN)/mypy

# The fixed subset of the shipped questions, asked and scored anew with the bundled models. A library that other models
# made is made again.
subset: $(INSTALLED)
	@rm -rf $(MEASURED)/runs/subset
	@{ $(BIN)/notecite sync notes --library $(MEASURED)/library && \
		$(BIN)/notecite search a --library $(MEASURED)/library >/dev/null; } || \
		{ rm -rf $(MEASURED)/library; $(BIN)/notecite sync notes --library $(MEASURED)/library; }
	@$(BIN)/notecite eval run --questions eval/data/sample_notes.jsonl --only eval/data/ci_subset.txt \
		--library $(MEASURED)/library --out $(MEASURED)/runs --name subset >$(MEASURED)/scores.md

# Two cases of a measure may get worse: that much another processor's rounding may do. A measure that only two cases
# got right "cannot tell".
gate: subset
	@$(BIN)/notecite eval gate $(MEASURED)/runs/subset --baseline $(BASELINE) --margin 0.1 --spare 2

baseline: subset
	@$(BIN)/notecite eval baseline $(MEASURED)/runs/subset $(BASELINE)

# How often the judges err on the shipped pairs: to be measured anew when the bundled judge changes.
judge-checks: $(INSTALLED)
	@for judge in bundled lexical-overlap; do \
		$(BIN)/notecite eval judge-check eval/data/judge_pairs.jsonl --judge $$judge \
			--out eval/data/judge_check.$$judge.json || exit 1; \
	done

# The page of the documentation that says what each part adds; some minutes.
ablation: $(INSTALLED)
	$(BIN)/python -m eval.benchmarks.ablation --questions eval/data/sample_notes.jsonl --notes notes \
		--libraries $(MEASURED)/ablation --answers --out eval/ablation.md

clean:
	rm -rf $(VENV) library build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
