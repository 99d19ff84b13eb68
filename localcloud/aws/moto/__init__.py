"""moto, which keeps plain AWS state, and the changes that we make in it."""
