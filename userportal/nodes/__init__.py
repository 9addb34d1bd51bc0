"""The pages of nodes: their states, what runs on them, how busy they are."""
