"""UniCRS (Wang et al., KDD 2022): one frozen language model that recommends and talks, steered by learnt prompts.

Wang, X., Zhou, K., Wen, J.-R., Zhao, W. X. (2022). Towards Unified Conversational Recommender Systems via
Knowledge-Enhanced Prompt Learning. KDD. An implementation of our own, from the paper. Where it departs from the paper:
  - ``prompt_layers``: the prompt may reach only the upper layers, so that what the lower ones make of a context is
    computed once and kept. 0 is the paper's form, all layers.
  - The affinity of words and entities is normalised by a softmax, as in the authors' code; ``affinity = "bilinear"``
    takes the paper's bare product.
  - ``entity_text``: an entity's vector is a learnt row, as in the paper, plus a projection of its name's text vector.
  - ``item_bias``: the logarithm of how often a candidate is a target joins its score. While an example is learnt from,
    its own targets are not counted: else popularity would seem to explain all, and the context nothing.
  - ``likeness``: how near a candidate is to the context's entities (mean cosine of text vectors, of names and of what
    the graph ties them to) joins its score, times a learnt number; from few dialogues that is not learnt through the
    language model.
  - Edges run both ways, a relation's inverse being a relation of its own.
  - The padding of a batch is masked everywhere, so that a row's result does not depend on its batch.
  - Nothing is recommended that was named before; an entity is a target of pre-training only where it is new, and its
    turn is not part of the input (in the authors' code it is).
  - The state that scores items is brought to unit variance, since language models differ in its size.
  - The slot's row in the output is learnt, its input vector is that of the word "item".
  - ``talk = "recommending"`` leaves turns without an item out of the conversation stage; with the adapter's setting
    ``always_recommend`` a response that came without a slot is cut where one was likeliest and gets one.
It reads the dialogue alone: a persona, where the data has one, is not shown to it.
"""
