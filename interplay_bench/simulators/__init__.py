"""What a model is: adapters, model cards, and simulators made of a language model."""
