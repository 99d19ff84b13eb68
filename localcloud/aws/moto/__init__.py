"""moto as the keeper of plain AWS state, and what is changed in it."""
