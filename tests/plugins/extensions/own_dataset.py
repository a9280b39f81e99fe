"""A data set of one's own: two songs, one of them liked."""

from interplay_bench import (
    Action, Dialogue, DialogueSet, Item, Mention, Persona, Preprocessing, Role, Turn, dataset,
)  # fmt: skip

SONGS = (Item("1", "Blue in Green", 1959, "music"), Item("2", "So What", 1959, "music"))


def recommend(song):
    """A turn that recommends one song."""
    mention = Mention(song, 4, 4 + len(song.title))
    return Turn(Role.RECOMMENDER, Action.RECOMMEND, f"Try {song.title}.", (mention,), (song,))


@dataset("songs", splits=("test",))
def songs(source):
    """Songs, asked for by mood."""
    goal = Turn(Role.USER, Action.DISCLOSE_GOAL, "Something to dream to, please.")
    no = Turn(Role.USER, Action.FEEDBACK, "Too lively.")
    turns = (goal, recommend(SONGS[1]), no, recommend(SONGS[0]))
    dialogue = Dialogue("d1", "u1", Persona("Likes trumpets.", (), "Slow."), SONGS[0], turns)
    return DialogueSet("songs", source.split, (dialogue,), SONGS, Preprocessing(1))
