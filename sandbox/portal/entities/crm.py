"""Deals, companies, contacts, leads: one description for the old methods and for `crm.item.*`.

Source: the pages crm.deal.get, crm.company.get, crm.contact.get, crm.lead.get of the REST documentation, and the
object fields of crm.item.*.
"""

from sandbox.portal.entities import parts
from sandbox.portal.entities.model import crm_entity

DEAL = crm_entity(
    "deal",
    2,
    "D",
    "ID integer ro\nTITLE string\nTYPE_ID crm_status =SALE\n"
    + parts.STAGE
    + "PROBABILITY integer\n"
    + parts.MONEY
    + "TAX_VALUE double =0\nLEAD_ID crm_lead oldro\nCOMPANY_ID crm_company index\n"
    + parts.CONTACTS
    + "QUOTE_ID crm_quote\nBEGINDATE date =@today\nCLOSEDATE date =@week\n"
    + parts.WHO
    + """
CLOSED char =N itemro
COMMENTS text
ADDITIONAL_INFO string
LOCATION_ID location
CATEGORY_ID crm_category =0
STAGE_SEMANTIC_ID string ro =P
IS_NEW char ro =Y
IS_RECURRING char =N
IS_RETURN_CUSTOMER char =N itemro
IS_REPEATED_APPROACH char =N itemro
SOURCE_ID crm_status
SOURCE_DESCRIPTION text
MYCOMPANY_ID crm_company new
PRODUCT_ID string resp
BEGINDATE_SHORT datetime resp
CLOSEDATE_SHORT datetime resp
EVENT_DATE datetime resp
EVENT_DATE_SHORT datetime resp
EVENT_ID crm_status resp
EVENT_DESCRIPTION text resp
ORDER_STAGE string resp
IS_WORK char resp
IS_WON char resp
IS_LOSE char resp
RECEIVED_AMOUNT integer resp
LOST_AMOUNT integer resp
HAS_PRODUCTS char resp
"""
    + parts.SHORT_DATES
    + parts.ORIGIN
    + parts.MOVED
    + parts.ACTIVITY
    + parts.OBSERVERS,
    title="Deal #{id}",
)

COMPANY = crm_entity(
    "company",
    4,
    "CO",
    """
ID integer ro
COMPANY_TYPE crm_status =CUSTOMER item=typeId
TITLE string !
LOGO picture
LEAD_ID crm_lead oldro
"""
    + parts.HAS
    + parts.WHO
    + """
BANKING_DETAILS text dep
INDUSTRY crm_status
REVENUE double =0
CURRENCY_ID crm_currency =RUB
EMPLOYEES crm_status
COMMENTS text
IS_MY_COMPANY char =N imm
CATEGORY_ID crm_category =0 new
"""
    + parts.ORIGIN
    + "ORIGIN_VERSION string\n"
    + parts.ADDRESS
    + "ADDRESS_LEGAL string old\n"
    + parts.REG_ADDRESS
    + parts.ACTIVITY
    + parts.OBSERVERS
    + parts.MULTI,
    title="Company #{id}",
    missing="Company is not found",
)

CONTACT = crm_entity(
    "contact",
    3,
    "C",
    """
ID integer ro
POST string
COMMENTS text
HONORIFIC crm_status
NAME string
SECOND_NAME string
LAST_NAME string
PHOTO picture
LEAD_ID crm_lead oldro
TYPE_ID crm_status =CLIENT
SOURCE_ID crm_status
SOURCE_DESCRIPTION text
COMPANY_ID crm_company index dep
COMPANY_IDS crm_company many new index
BIRTHDATE date
EXPORT char =Y
CATEGORY_ID crm_category =0 new
SHORT_NAME string resp
LOGIN string resp
"""
    + parts.HAS
    + parts.WHO
    + parts.ORIGIN
    + "ORIGIN_VERSION string\nFACE_ID integer old\n"
    + parts.ADDRESS
    + parts.ACTIVITY
    + parts.OBSERVERS
    + parts.MULTI,
    title="Contact #{id}",
    named="LAST_NAME",
    missing="Contact is not found",
)

LEAD = crm_entity(
    "lead",
    1,
    "L",
    """
ID integer ro
TITLE string
HONORIFIC crm_status
NAME string
SECOND_NAME string
LAST_NAME string
COMPANY_TITLE string
COMPANY_ID crm_company index
"""
    + parts.CONTACTS
    + """
IS_RETURN_CUSTOMER char ro =N
BIRTHDATE date
SOURCE_ID crm_status
SOURCE_DESCRIPTION text
STATUS_ID crm_status =NEW item=stageId
STATUS_DESCRIPTION text
POST string
COMMENTS text
"""
    + parts.MONEY
    + parts.HAS
    + parts.WHO
    + """
DATE_CLOSED datetime ro
STATUS_SEMANTIC_ID string ro =P item=stageSemanticId
IS_CONVERT char resp
PRODUCT_ID string resp
SHORT_NAME string resp
LOGIN string resp
"""
    + parts.SHORT_DATES
    + parts.ORIGIN
    + parts.MOVED
    + parts.ADDRESS
    + parts.ACTIVITY
    + parts.OBSERVERS
    + parts.MULTI,
    title="Lead #{id}",
)
