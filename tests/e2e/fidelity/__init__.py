"""The fidelity test: the same operations on the model cluster and on a real kube-apiserver, answers compared."""
