"""Speed, measured on private servers: `make bench`. Measuring is not testing: nothing here passes or fails."""
