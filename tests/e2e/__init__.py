"""End-to-end tests: agentctl against a real Kubernetes control plane."""
