"""Nine recommenders as people rank them, and as metrics of people's and of simulators' dialogues rank them."""
