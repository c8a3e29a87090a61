"""Laws that users write: the decorator, and the rules that keep their arithmetic bit-exact."""
