"""What is known of each kind of NAS, as data."""
