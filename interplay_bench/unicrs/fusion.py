"""Cross-fusion of words and entities (Wang et al. 2022, section 4.1: semantic fusion).

With word vectors T (n_W x d), entity vectors E (n_E x d) and a learnt W (d x d), the affinity is A = T W E^T, and

    fused words     T~ = T + A E
    fused entities  E~ = E + A^T T

The paper takes the bare product (``bilinear``). Its authors' code normalises (``softmax``): over the entities for T~,
over the words for E~, so that the sum does not grow with the length; A is divided there by sqrt(d), as in attention.
"""

from __future__ import annotations

from typing import Literal

import torch

Affinity = Literal["softmax", "bilinear"]


def fuse(
    words: torch.Tensor,
    entities: torch.Tensor,
    weight: torch.Tensor,
    word_mask: torch.Tensor,
    entity_mask: torch.Tensor,
    affinity: Affinity,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Fuse (B, n_W, d) with (B, n_E, d) through (d, d); masks (B, n) are true where there is something.

    A row without entities keeps its words as they are, and the other way round. Padding comes out unspecified.
    """
    product = words @ weight @ entities.transpose(1, 2)
    there = word_mask[:, :, None] & entity_mask[:, None, :]
    if affinity == "bilinear":
        product = product.masked_fill(~there, 0)
        return words + product @ entities, entities + product.transpose(1, 2) @ words
    product = (product / words.shape[-1] ** 0.5).masked_fill(~there, torch.finfo(product.dtype).min)
    # Where nothing is there, softmax spreads evenly over padding: that must count for nothing.
    over_entities = product.softmax(2).masked_fill(~there, 0)
    over_words = product.softmax(1).masked_fill(~there, 0)
    return words + over_entities @ entities, entities + over_words.transpose(1, 2) @ words
