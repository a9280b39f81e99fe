"""Settings of an engine as they are typed: words, numbers and tables."""

from __future__ import annotations

import pytest

from interplay_bench.environment.errors import UsageError
from interplay_bench.evaluation.settings import engine_options
from interplay_bench.simulators.model_spec import find


def test_a_table_is_typed_as_it_stands_in_a_card() -> None:
    typed = {"engine.kind": "vllm", "engine.options": "{enforce_eager = true, max_num_seqs = 8}", "decide": "score"}
    options = engine_options(typed)
    assert options == {"kind": "vllm", "options": {"enforce_eager": True, "max_num_seqs": 8}}
    assert find("smollm2", options).card.engine["options"] == options["options"]


@pytest.mark.parametrize("text", ["{enforce_eager: true}", "{", "{}}"])
def test_a_table_that_is_none_is_one_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"--set engine.options: no table of TOML"):
        engine_options({"engine.options": text})
