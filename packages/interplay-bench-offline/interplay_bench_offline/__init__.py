"""The checkpoints of the shipped small simulators, for ``interplay-bench``."""
