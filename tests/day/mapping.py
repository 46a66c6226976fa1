"""The mapping of the sample day: what its ids, dictionaries and fields are in a fresh simulated portal.

Every value that the model uses is written out here, so that it knows no defaults.
"""

from __future__ import annotations

import tomllib
from typing import Any

__all__ = ["MAPPING", "MAPPING_TOML"]

MAPPING_TOML = """\
[portal]
timezone = "Europe/Moscow"

[company]
originator = "site"
title = "{NAME}"
stub_title = "Компания {XML_ID}"
fields = { LOGIN = "UF_CRM_SITE_LOGIN" }
phone_type = "WORK"
email_type = "WORK"
keep_contacts = true
address_field = "ADDRESS"
requisite_preset = 1

[catalogs.default]
iblock = 23
price_type = 1
price_types = { BASE = 1, WHOLESALE = 2 }
currency = "RUB"
code = "name"
properties = "create"
section_wait = 20.0
index = "catalog"
deactivated = "remove"

[catalogs.default.collection]
iblock = 24
property = "COLLECTION_ELEMENT_ID"
source = "COLLECTION"
default = "Вне серии"

[deal]
title = "Заказ №{NUMBER}"
category = 0
stages = { NEW = "NEW", "В работе" = "EXECUTING", SHIPPED = "FINAL_INVOICE", DONE = "WON", 0 = "LOSE" }
unknown_status = "dead-letter"
currency = "RUB"
assigned_by = 1
users = { 7 = 2, 12 = 3 }
sources = { 1C = "OTHER" }
unknown_good = "Товар {XML_ID}"
complete = true
catalog = "default"

[order]
enabled = true
site = "s1"
person_type = 2
statuses = { N = "N", ACCEPTED = "P", "Выполнен" = "F" }
unknown_status = "dead-letter"
user = 1
properties = { CACHBACK = 40 }

[payment]
system = 1
paid = { Y = true, N = false, 1 = true, 0 = false }
unknown_status = "dead-letter"
removed = "delete"

[shipment]
delivery = 1
statuses = { WAIT = "DN", SENT = "DF" }
unknown_status = "dead-letter"
removed = "keep"
"""

MAPPING: dict[str, Any] = tomllib.loads(MAPPING_TOML)
