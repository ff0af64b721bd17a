"""The operator beside others: what each costs for the same Agents on the same API server."""
