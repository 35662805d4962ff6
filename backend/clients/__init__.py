"""What lies outside: the reservation service, mail, the queue. They know no tables and make no decisions."""
