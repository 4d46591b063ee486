"""One module a part; each has `measure(bench)`. What they measure is said in `benchmarks.catalog`."""
