"""Live interplay: two simulators talk, each from its own view alone, and a corpus comes out (paper, 3.6 and 5.3)."""
