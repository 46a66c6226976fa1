"""A Bitrix24 portal to test against: real HTTP, documented behaviour, injected faults."""
