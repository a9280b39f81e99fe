"""An export of one's own: a line per dialogue."""

from interplay_bench import export_format


@export_format("script", file="script.jsonl")
def script(episode):
    """One text per dialogue, as a play."""
    lines = (f"{turn.role.upper()}: {turn.text}" for turn in episode.dialogue.turns)
    return {"id": episode.dialogue.id, "play": "\n".join(lines)}
