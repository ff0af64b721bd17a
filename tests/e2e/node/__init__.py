"""Tests on a real node, with the operator running in its cluster from its own image.

To add one, write a test that takes the fixture `on_node`, an `OnNode` (see support.py):

    def test_an_exit_code_arrives(on_node: OnNode) -> None:
        on_node.run("worker", image="entrypoint", script="exit=42", restartPolicy="Never")
        assert on_node.terminated("worker")["exitCode"] == 42

- Each test has a fresh namespace; the cluster, its registry and the operator are there once for a run, and are shared
  by pytest-xdist's workers: a test must not change the operator, nor the node unless it puts it back.
- `image` is a key of IMAGES in tests/e2e/cluster/node_images.py. Those with the program `probe` (node/probe.c there
  tells its words) do what `script` says, and log what they see as JSON: `on_node.said(name, "start")` waits for a line.
- `on_node.images.reference(KEY)` is for other places of a spec that name an image.
- Wait with `eventually` for what is to become true; keep a test under some ten seconds.

The run is `pytest -n 2 tests/e2e/node`. It needs root on Linux with apt; elsewhere the tests are skipped in one line,
and with CI=true they fail. With KUBECONFIG they run on that cluster, and AGENTCTL_E2E_REGISTRY names a registry for it.
"""
