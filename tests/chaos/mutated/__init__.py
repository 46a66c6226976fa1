"""Bad input at full length: thousands of broken messages, each of which must end as an effect or as a dead letter."""
