"""The local engine: shared prefixes, a KV cache, batched decoding over transformers models."""
