"""The thin runtime of agentctl: watches, queues and executes what `agentctl_core` decides."""
