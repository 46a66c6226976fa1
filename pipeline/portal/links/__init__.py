"""Links: which object of a portal stands for which object of another system."""
