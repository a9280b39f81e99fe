"""A metric of one's own, on a task that exists."""

from interplay_bench import Rate, metric


@metric("user_singleturn", "questions", Rate())
def questions(samples):
    """The reply asks something."""
    replies = ((i, reply) for i, sample in enumerate(samples) for reply in sample.detail["replies"])
    return {(i, reply["turn"]): "?" in reply["text"] for i, reply in replies}
