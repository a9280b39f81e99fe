"""The model behind the Match Score (paper, section 4.3): item embeddings from text, learnt from people's ratings.

A frozen text encoder reads each item's title, tags and genres; a projection of what it says is learnt with the BPR loss
(Rendle et al. 2009) on who liked what. How near two items are is the cosine of their embeddings.
"""
