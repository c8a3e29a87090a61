"""Whether clips are what they claim to be, and how far a model's tracks are from them."""
