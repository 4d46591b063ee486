"""The same work done by others, on the same private servers, each in turn: `python -m benchmarks.peers`."""
