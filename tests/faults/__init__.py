"""Break things on purpose, and prove what is promised: nothing lost, nothing doubled, nothing early."""
