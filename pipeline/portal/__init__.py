"""The Bitrix24 REST gateway: one owner per portal, a durable state machine per request (design, section 5)."""
