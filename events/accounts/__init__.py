"""The pages of an account: its user comes, logs in, says where they live, and makes and revokes keys."""
