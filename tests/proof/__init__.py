"""Proofs on the model cluster: exhaustive exploration, random search, and the bugs that both are known to find."""
