"""Trained weights, as the scripts of the repository write them."""
