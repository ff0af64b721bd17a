r"""Tests whether a wrapper keeps its contract (docs/wrapper.md): name its command and its image.

    pip install 'agentctl[testing]'
    pytest -p agentctl_conformance.plugin --pyargs agentctl_conformance \
        --wrapper-command='/usr/bin/tini -s' --wrapper-image=IMAGE

Without an image the wrapper runs as a process of this machine. With one it runs in pods of the cluster that kubectl
reaches, built as the operator builds them; no operator is needed there.
"""
