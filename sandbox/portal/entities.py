"""CRM entities as data: fields in the order of the documentation's answers, types, defaults.

Source: the pages crm.deal.get, crm.company.get, crm.contact.get, crm.lead.get of the REST documentation.
"""

from dataclasses import dataclass, field

from sandbox.portal.fields import Field

_CUSTOM = Field("custom")
_PARENT = Field("crm_entity")


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of CRM object: `crm.{name}.*`, its numeric `type_id`, its fields, its texts.

    `title` is the pattern of the name that the portal gives to a nameless object; `missing` is the text of
    update and delete for an id that is not there.
    """

    name: str
    type_id: int
    fields: dict[str, Field]
    title: str | None = None
    missing: str = "Not found"
    multifields: tuple[str, ...] = field(default=())

    def find(self, name: str) -> Field | None:
        """The field of that exact name; `UF_CRM_*` and `PARENT_ID_*` are always known. None = unknown."""
        known = self.fields.get(name)
        if known is not None:
            return known
        if name.startswith("UF_CRM_"):
            return _CUSTOM
        return _PARENT if name.startswith("PARENT_ID_") else None


def _read(table: str) -> dict[str, Field]:
    """Lines of `NAME type [ro] [index] [=default]` as fields."""
    found: dict[str, Field] = {}
    for line in filter(None, table.splitlines()):
        name, type_name, *rest = line.split()
        defaults = [item[1:] for item in rest if item.startswith("=")]
        found[name] = Field(
            type=type_name,
            readonly="ro" in rest,
            default=defaults[0] if defaults else None,
            indexed="index" in rest,
            multiple=type_name == "crm_multifield",
        )
    return found


_WHO = """
ASSIGNED_BY_ID user =@user
CREATED_BY_ID user ro =@user
MODIFY_BY_ID user ro =@user
DATE_CREATE datetime ro =@now
DATE_MODIFY datetime ro =@now
OPENED char =Y
"""
_ORIGIN = """
ORIGINATOR_ID string
ORIGIN_ID string index
"""
_MOVED = """
MOVED_BY_ID user ro =@user
MOVED_TIME datetime ro =@now
"""
_ADDRESS = """
ADDRESS string
ADDRESS_2 string
ADDRESS_CITY string
ADDRESS_POSTAL_CODE string
ADDRESS_REGION string
ADDRESS_PROVINCE string
ADDRESS_COUNTRY string
ADDRESS_COUNTRY_CODE string
ADDRESS_LOC_ADDR_ID integer
"""
_REG_ADDRESS = _ADDRESS.replace("ADDRESS", "REG_ADDRESS", 1).replace("\nADDRESS", "\nREG_ADDRESS")
_ACTIVITY = """
UTM_SOURCE string
UTM_MEDIUM string
UTM_CAMPAIGN string
UTM_CONTENT string
UTM_TERM string
LAST_ACTIVITY_BY user ro =@user
LAST_ACTIVITY_TIME datetime ro =@now
"""
_HAS = """
HAS_PHONE char ro =N
HAS_EMAIL char ro =N
HAS_IMOL char ro =N
"""
_MULTI = """
PHONE crm_multifield
EMAIL crm_multifield
WEB crm_multifield
IM crm_multifield
LINK crm_multifield
"""
_MULTI_NAMES = ("PHONE", "EMAIL", "WEB", "IM", "LINK")

DEAL = Entity(
    name="deal",
    type_id=2,
    title="Deal #{id}",
    fields=_read(
        """
ID integer ro
TITLE string
TYPE_ID crm_status =SALE
STAGE_ID crm_status =NEW
PROBABILITY integer
CURRENCY_ID crm_currency =RUB
OPPORTUNITY double =0
IS_MANUAL_OPPORTUNITY char =N
TAX_VALUE double =0
LEAD_ID crm_lead ro
COMPANY_ID crm_company
CONTACT_ID crm_contact
QUOTE_ID crm_quote
BEGINDATE date =@today
CLOSEDATE date
"""
        + _WHO
        + """
CLOSED char =N
COMMENTS string
ADDITIONAL_INFO string
LOCATION_ID location
CATEGORY_ID crm_category =0
STAGE_SEMANTIC_ID string ro =P
IS_NEW char ro =Y
IS_RECURRING char =N
IS_RETURN_CUSTOMER char =N
IS_REPEATED_APPROACH char =N
SOURCE_ID crm_status
SOURCE_DESCRIPTION string
"""
        + _ORIGIN
        + _MOVED
        + _ACTIVITY
    ),
)

COMPANY = Entity(
    name="company",
    type_id=4,
    title="Company #{id}",
    missing="Company is not found",
    multifields=_MULTI_NAMES,
    fields=_read(
        """
ID integer ro
COMPANY_TYPE crm_status =CUSTOMER
TITLE string
LOGO file
LEAD_ID crm_lead ro
"""
        + _HAS
        + _WHO
        + """
BANKING_DETAILS string
INDUSTRY crm_status
REVENUE double =0
CURRENCY_ID crm_currency =RUB
EMPLOYEES crm_status
COMMENTS string
IS_MY_COMPANY char =N
"""
        + _ORIGIN
        + "ORIGIN_VERSION string\n"
        + _ADDRESS
        + "ADDRESS_LEGAL string\n"
        + _REG_ADDRESS
        + _ACTIVITY
        + "LAST_COMMUNICATION_TIME string ro\n"
        + _MULTI
    ),
)

CONTACT = Entity(
    name="contact",
    type_id=3,
    missing="Contact is not found",
    multifields=_MULTI_NAMES,
    fields=_read(
        """
ID integer ro
POST string
COMMENTS string
HONORIFIC crm_status
NAME string
SECOND_NAME string
LAST_NAME string
PHOTO file
LEAD_ID crm_lead ro
TYPE_ID crm_status =CLIENT
SOURCE_ID crm_status
SOURCE_DESCRIPTION string
COMPANY_ID crm_company
BIRTHDATE date
EXPORT char =Y
"""
        + _HAS
        + _WHO
        + _ORIGIN
        + "ORIGIN_VERSION string\nFACE_ID integer\n"
        + _ADDRESS
        + _ACTIVITY
        + _MULTI
    ),
)

LEAD = Entity(
    name="lead",
    type_id=1,
    title="Lead #{id}",
    multifields=_MULTI_NAMES,
    fields=_read(
        """
ID integer ro
TITLE string
HONORIFIC crm_status
NAME string
SECOND_NAME string
LAST_NAME string
COMPANY_TITLE string
COMPANY_ID crm_company
CONTACT_ID crm_contact
IS_RETURN_CUSTOMER char ro =N
BIRTHDATE date
SOURCE_ID crm_status
SOURCE_DESCRIPTION string
STATUS_ID crm_status =NEW
STATUS_DESCRIPTION string
POST string
COMMENTS string
CURRENCY_ID crm_currency =RUB
OPPORTUNITY double =0
IS_MANUAL_OPPORTUNITY char =N
"""
        + _HAS
        + _WHO
        + """
DATE_CLOSED datetime ro
STATUS_SEMANTIC_ID string ro =P
"""
        + _ORIGIN
        + _MOVED
        + _ADDRESS
        + _ACTIVITY
        + _MULTI
    ),
)

ENTITIES: tuple[Entity, ...] = (DEAL, COMPANY, CONTACT, LEAD)
