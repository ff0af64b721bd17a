"""Builds and runs a real Kubernetes control plane with a simulated node."""
