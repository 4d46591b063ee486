"""How our templates show rows, states, instants and durations."""
