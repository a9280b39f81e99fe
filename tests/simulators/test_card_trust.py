from __future__ import annotations

from pathlib import Path

import pytest

from interplay_bench.cli.main import main
from interplay_bench.environment.errors import CardError
from interplay_bench.simulation.simulation_request import SimulationRequest
from interplay_bench.simulators.model_spec import find

CARD = """summary = "Somebody's"
adapter = "zero-shot"
[engine]
kind = "endpoint"
model = "m"
base_url = "https://elsewhere.example/v1"
api_key_env = "MY_BANK"
"""


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "theirs.toml").write_text(CARD)
    monkeypatch.setenv("MY_BANK", "secret")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    return str(tmp_path / "theirs.toml")


def test_a_card_cannot_send_a_key_anywhere(card: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CardError, match=r"would send the key in MY_BANK to https://elsewhere\.example\.") as raised:
        find(card)
    assert "secret" not in str(raised.value)
    assert find(card, {"base_url": "https://elsewhere.example/v1"}).card.engine["model"] == "m"
    monkeypatch.setenv("INTERPLAY_HOSTS", "other.example, elsewhere.example")
    find(card)
    monkeypatch.delenv("INTERPLAY_HOSTS")
    monkeypatch.delenv("MY_BANK")
    find(card)  # there is nothing to send


@pytest.mark.parametrize(
    "address",
    [
        "http://elsewhere.example/v1",
        "https://elsewhere.example:8443/v1",
        "https://elsewhere.example.evil.example/v1",
        "http://localhost:8000/v1",
        "http://127.0.0.1:9999/v1",
        "https://elsewhere.example@evil.example/v1",
    ],
)
@pytest.mark.parametrize("variable", ["INTERPLAY_HOSTS", "OPENAI_BASE_URL"])
def test_a_key_goes_to_the_very_address_that_was_named(
    card: str, monkeypatch: pytest.MonkeyPatch, address: str, variable: str
) -> None:
    """Scheme, host and port: plain http is read on the way, and another port or this machine's is another server."""
    monkeypatch.setenv(variable, "https://elsewhere.example")
    find(card)
    Path(card).write_text(CARD.replace("https://elsewhere.example/v1", address))
    with pytest.raises(CardError, match="would send the key in MY_BANK"):
        find(card)
    monkeypatch.setenv(variable, address)
    find(card)
    monkeypatch.delenv(variable)
    monkeypatch.delenv("MY_BANK")
    find(card)  # there is nothing to send


def test_a_card_cannot_have_code_run(card: str) -> None:
    Path(card).write_text('summary = "x"\nadapter = "zero-shot"\n[engine]\nmodel = "m"\ntrust_remote_code = true\n')
    with pytest.raises(CardError, match="--trust-remote-code"):
        find(card)
    find(card, {"trust_remote_code": "true"})


@pytest.mark.parametrize("option", ['worker_cls = "their.Worker"', "trust_remote_code = true", 'load_format = "pt"'])
def test_a_card_cannot_have_code_run_by_an_option_of_vllm(card: str, option: str) -> None:
    Path(card).write_text(
        f'summary = "x"\nadapter = "zero-shot"\n[engine]\nkind = "vllm"\nmodel = "m"\noptions = {{{option}}}\n'
    )
    with pytest.raises(CardError, match="--trust-remote-code"):
        find(card)
    find(card, {"trust_remote_code": "true"})


def test_openais_own_address_is_the_default(card: str) -> None:
    Path(card).write_text(CARD.replace("https://elsewhere.example", "https://api.openai.com"))
    find(card)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('[engine]\nkind = ["endpoint"]', "Unknown kind"),
        ("[engine]\nkind = {a = 1}", "Unknown kind"),
        ('[engine]\nkind = "endpoint"\nmodel = "m"\nbase_url = "http://[::1/v1"', "base_url is no address"),
        ('[engine]\nkind = "endpoint"\nmodel = "m"\nextra_body = {day = 1979-05-27}', "a date or a time"),
        (f"[settings]\nx = {'[' * 3000}{']' * 3000}", "nested too deeply"),
    ],
)
@pytest.mark.slow
def test_a_card_of_odd_types_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: str, said: str
) -> None:
    (tmp_path / "odd.toml").write_text(f'summary = "x"\nadapter = "zero-shot"\n{lines}\n')
    command = ["run", "--task", "user_multiturn", "--model", str(tmp_path / "odd.toml"), "--dataset", "sample"]
    assert main([*command, "--limit", "1", "--output", str(tmp_path / "run")]) == 2
    assert said in capsys.readouterr().err


def test_a_confirmed_card_takes_part_in_a_simulation(card: str) -> None:
    confirmed = {"engine.base_url": "https://elsewhere.example/v1"}
    user, _ = SimulationRequest(card, "popularity", settings=confirmed).models()
    assert user.card.engine["base_url"] == confirmed["engine.base_url"]
    with pytest.raises(CardError, match="would send the key"):
        SimulationRequest(card, "popularity").models()


@pytest.mark.slow
def test_a_run_gives_its_recommender_the_addresses_that_were_confirmed(
    card: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", "--task", "interplay", "--model", "accept-at:1", "--limit", "1", "--set", f"recommender={card}"]
    assert main([*command, "--output", str(tmp_path / "one")]) == 2
    assert "would send the key" in capsys.readouterr().err
    Path(card).write_text(CARD.replace("https://elsewhere.example", "http://127.0.0.1:9"))
    confirmed = [*command, "--set", "engine.base_url=http://127.0.0.1:9/v1", "--set", "engine.max_retries=0"]
    assert main([*confirmed, "--output", str(tmp_path / "two")]) == 2
    assert "would send" not in capsys.readouterr().err


@pytest.mark.slow
def test_trust_is_said_on_the_command_line(card: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(card).write_text(
        'summary = "x"\nadapter = "zero-shot"\n[engine]\nmodel = "./none"\ntrust_remote_code = true\n'
    )
    command = ["run", "--task", "user_multiturn", "--model", card, "--limit", "1", "--output", str(tmp_path / "run")]
    assert main(command) == 2
    assert "--trust-remote-code" in capsys.readouterr().err
    assert main([*command, "--trust-remote-code"]) == 2
    assert "./none" in capsys.readouterr().err
