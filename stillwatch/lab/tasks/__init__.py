"""Tasks that a teacher can and a base model can't, with checkers that know the truth."""
