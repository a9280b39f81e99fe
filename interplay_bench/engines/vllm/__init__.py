"""vLLM in this process, behind the two verbs."""
