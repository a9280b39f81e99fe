"""Role-masked fine-tuning (paper, sections 3.5 and 4.1, eq. 1 and 2): one dialogue trains two simulators.

``recipe`` says what to do, ``tokens`` teaches a tokenizer the markup, ``example`` makes token ids with role masks,
``packing`` and ``attention`` lay whole dialogues in one row, ``loss`` projects only what is supervised, ``trainer``
runs the loop on accelerate, ``checkpointing`` lets it be killed at any moment. Nothing here is imported by a run.
"""
