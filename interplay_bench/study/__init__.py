"""Studies with people: which of two dialogues is better, asked pair by pair (paper, section 5.3 and Figure 3)."""
