"""What goes to a portal over HTTP and what comes back: encoding, calls, outcomes, errors."""
