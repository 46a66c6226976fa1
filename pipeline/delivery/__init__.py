"""The ground floor: what makes Faust never lose a message (design, section 3)."""
