"""What known clients of portals do wrong (reference: Bitrix24, section 8.1): we do not, and the tests can see it."""
