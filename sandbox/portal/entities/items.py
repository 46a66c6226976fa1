"""Objects that only `crm.item.*` knows: estimates, invoices, smart processes (object fields of crm.item.*)."""

from sandbox.portal.entities import parts
from sandbox.portal.entities.model import Entity, crm_entity

_SYSTEM = """
ID integer ro
TITLE string
XML_ID string index
CREATED_TIME datetime ro =@now
UPDATED_TIME datetime ro =@now
CREATED_BY user ro =@user
UPDATED_BY user ro =@user
ASSIGNED_BY_ID user =@user
OPENED char =Y
WEBFORM_ID integer
BEGINDATE date =@today
CLOSEDATE date =@week
COMPANY_ID crm_company index
MYCOMPANY_ID crm_company
CATEGORY_ID crm_category =0
MOVED_TIME datetime ro =@now
MOVED_BY user ro =@user
SOURCE_ID crm_status
SOURCE_DESCRIPTION text
IS_RECURRING char =N
TAX_VALUE double =0
"""
_READ_UTM = """
UTM_SOURCE string resp
UTM_MEDIUM string resp
UTM_CAMPAIGN string resp
UTM_CONTENT string resp
UTM_TERM string resp
LAST_ACTIVITY_BY user =@user
LAST_ACTIVITY_TIME datetime =@now
LAST_COMMUNICATION_TIME string ro
"""

QUOTE = crm_entity(
    "quote",
    7,
    "Q",
    "ID integer ro\nTITLE string\n"
    + parts.STAGE.replace("=NEW", "=DRAFT")
    + parts.MONEY
    + "TAX_VALUE double =0\nCOMPANY_ID crm_company index\n"
    + parts.CONTACTS
    + parts.WHO
    + """
DEAL_ID crm_deal index
LEAD_ID crm_lead
MYCOMPANY_ID crm_company
BEGINDATE date =@today
CLOSEDATE date =@week
ACTUAL_DATE date
QUOTE_NUMBER string
CONTENT text
TERMS text
COMMENTS text
CLOSED char ro =N
LOCATION_ID location
PERSON_TYPE_ID integer ro
HAS_PRODUCTS char resp
STORAGE_TYPE_ID integer
"""
    + parts.ACTIVITY
    + parts.SHORT_DATES,
    title="Estimate #{id}",
)

INVOICE = crm_entity(
    "invoice",
    31,
    "SI",
    _SYSTEM
    + parts.STAGE
    + parts.CONTACTS
    + parts.MONEY
    + "ACCOUNT_NUMBER string index\nCOMMENTS text\nLOCATION_ID location\n"
    + _READ_UTM
    + parts.OBSERVERS,
    title="Invoice #{id}",
)


def smart_process(type_id: int, title: str) -> Entity:
    """The entity of a smart process that `crm.type.add` made; `type_id` is 128 or more."""
    return crm_entity(
        f"dynamic_{type_id}",
        type_id,
        f"T{type_id:x}",
        _SYSTEM + parts.STAGE + parts.CONTACTS + parts.MONEY + _READ_UTM + parts.OBSERVERS,
        title=title.replace("{", "{{").replace("}", "}}") + " #{id}",
    )
