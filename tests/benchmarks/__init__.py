"""The benchmarks, each run small: that it runs, and what it counts; never how long it takes."""
