"""The domain: entities, rules, occurrences, and what happens to them."""
