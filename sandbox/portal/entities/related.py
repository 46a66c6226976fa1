"""What stands beside CRM objects: product rows, requisites, comments, dictionaries, user fields, order links.

Source: the pages of crm.item.productrow.*, crm.requisite.*, crm.address.*, crm.timeline.comment.*, crm.status.*,
crm.category.*, crm.deal.userfield.*, crm.type.*, crm.orderentity.* of the REST documentation.
"""

from sandbox.portal.entities.model import plain_entity

PRODUCT_ROW = plain_entity(
    "product_row",
    """
ID integer ro
OWNER_ID integer index
OWNER_TYPE string
PRODUCT_ID integer =0 index
PRODUCT_NAME string
PRICE double =0
PRICE_ACCOUNT double ro
PRICE_EXCLUSIVE double
PRICE_NETTO double
PRICE_BRUTTO double
QUANTITY double =1
DISCOUNT_TYPE_ID integer =2
DISCOUNT_RATE double
DISCOUNT_SUM double
TAX_RATE double
TAX_INCLUDED char =N
CUSTOMIZED char =Y
MEASURE_CODE integer
MEASURE_NAME string
SORT integer
TYPE integer ro
XML_ID string =
""",
)

_WRITTEN = """
DATE_CREATE datetime ro =@now
DATE_MODIFY datetime ro
CREATED_BY_ID user ro =@user
MODIFY_BY_ID user ro
NAME string
CODE string
XML_ID string index
ORIGINATOR_ID string
ACTIVE char =Y
"""
_RQ = """
NAME FIRST_NAME LAST_NAME SECOND_NAME COMPANY_ID COMPANY_NAME COMPANY_FULL_NAME COMPANY_REG_DATE DIRECTOR ACCOUNTANT
CEO_NAME CEO_WORK_POS CONTACT EMAIL PHONE FAX IDENT_TYPE IDENT_DOC IDENT_DOC_SER IDENT_DOC_NUM IDENT_DOC_PERS_NUM
IDENT_DOC_DATE IDENT_DOC_ISSUED_BY IDENT_DOC_DEP_CODE INN KPP USRLE IFNS OGRN OGRNIP OKPO OKTMO OKVED EDRPOU DRFO KBE
IIN BIN ST_CERT_SER ST_CERT_NUM ST_CERT_DATE VAT_PAYER VAT_ID VAT_CERT_SER VAT_CERT_NUM VAT_CERT_DATE
RESIDENCE_COUNTRY BASE_DOC REGON KRS PESEL LEGAL_FORM SIRET SIREN CAPITAL RCS CNPJ STATE_REG MNPL_REG CPF
"""
_RQ_BANK = """
BANK_NAME BANK_CODE BANK_ADDR BANK_ROUTE_NUM BIK MFO ACC_NAME ACC_NUM ACC_TYPE IIK ACC_CURRENCY COR_ACC_NUM IBAN SWIFT
BIC CODEB CODEG RIB AGENCY_NAME
"""
_RQ_INDEXED = {"INN", "OGRN", "ACC_NUM"}


def _requisites(names: str) -> str:
    lines = []
    for name in names.split():
        kind = "char =N" if name == "VAT_PAYER" else "string index" if name in _RQ_INDEXED else "string"
        lines.append(f"RQ_{name} {kind}")
    return "\n".join(lines) + "\n"


REQUISITE = plain_entity(
    "requisite",
    "ID integer ro\nENTITY_TYPE_ID integer !\nENTITY_ID integer ! index\nPRESET_ID integer !\n"
    + _WRITTEN.replace("NAME string\n", "NAME string !\n", 1)
    + "ADDRESS_ONLY char =N\nSORT integer =500\n"
    + _requisites(_RQ),
    missing="The Requisite with ID '{id}' is not found",
)
BANK_DETAIL = plain_entity(
    "bank_detail",
    "ID integer ro\nENTITY_ID integer ! index\nCOUNTRY_ID integer =1\n"
    + _WRITTEN.replace("NAME string\n", "NAME string !\n", 1)
    + "SORT integer =500\n"
    + _requisites(_RQ_BANK)
    + "COMMENTS text\n",
    missing="The RequisiteBankDetail with ID '{id}' is not found",
)
PRESET = plain_entity(
    "preset",
    """
ID integer ro
ENTITY_TYPE_ID integer
COUNTRY_ID integer
NAME string !
XML_ID string index
ACTIVE char =Y
SORT integer =500
DATE_CREATE datetime ro =@now
DATE_MODIFY datetime ro
CREATED_BY_ID user ro =@user
MODIFY_BY_ID user ro
""",
    missing="The Preset with ID '{id}' is not found",
)
ADDRESS = plain_entity(
    "address",
    """
TYPE_ID integer !
ENTITY_TYPE_ID integer !
ENTITY_ID integer ! index
ADDRESS_1 string
ADDRESS_2 string
CITY string
POSTAL_CODE string
REGION string
PROVINCE string
COUNTRY string
COUNTRY_CODE string
LOC_ADDR_ID integer
ANCHOR_TYPE_ID integer ro
ANCHOR_ID integer ro
""",
    key=None,
)
COMMENT = plain_entity(
    "comment",
    """
ID integer ro
ENTITY_ID integer ! index
ENTITY_TYPE string !
CREATED datetime ro =@now
COMMENT text !
AUTHOR_ID user =@user
FILES object
""",
)
STATUS = plain_entity(
    "status",
    """
ID integer ro
ENTITY_ID string ! index
STATUS_ID string !
NAME string !
NAME_INIT string =
SORT integer =10
SYSTEM char ro =N
CATEGORY_ID integer
COLOR string =
SEMANTICS string
""",
    missing="Status is not found",
)
CATEGORY = plain_entity(
    "category",
    """
ID integer ro
NAME string !
SORT integer =500
ENTITY_TYPE_ID integer ! index
IS_DEFAULT char =N
ORIGIN_ID string =
ORIGINATOR_ID string =
CREATED_DATE datetime ro =@now
""",
    missing="Not found",
)
USER_FIELD = plain_entity(
    "user_field",
    """
ID integer ro
ENTITY_ID string ! index
FIELD_NAME string ! index
USER_TYPE_ID string !
XML_ID string
SORT integer =100
MULTIPLE char =N
MANDATORY char =N
SHOW_FILTER choice =N
SHOW_IN_LIST char =N
EDIT_IN_LIST char =Y
IS_SEARCHABLE char =N
SETTINGS object
LIST object
EDIT_FORM_LABEL object
LIST_COLUMN_LABEL object
LIST_FILTER_LABEL object
ERROR_MESSAGE object
HELP_MESSAGE object
""",
    missing="The entity with ID '{id}' is not found",
)
ORDER_LINK = plain_entity(
    "order_link", "orderId integer ! index\nownerId integer ! index\nownerTypeId integer !\n", key=None
)
_TYPE_SWITCHES = """
isCategoriesEnabled isStagesEnabled isBeginCloseDatesEnabled isClientEnabled isUseInUserfieldEnabled
isLinkWithProductsEnabled isMycompanyEnabled isDocumentsEnabled isSourceEnabled isObserversEnabled isRecyclebinEnabled
isAutomationEnabled isBizProcEnabled isSetOpenPermissions isPaymentsEnabled isCountersEnabled
"""
TYPE = plain_entity(
    "type",
    "id integer ro\ntitle string !\ncode string\nentityTypeId integer index\ncreatedBy user ro =@user\n"
    + "createdTime datetime ro =@now\nupdatedTime datetime ro =@now\nupdatedBy user ro =@user\n"
    + "".join(f"{name} char =N\n" for name in _TYPE_SWITCHES.split())
    + "relations object\nlinkedUserFields object\ncustomSectionId integer\ncustomSections object\n",
    key="id",
)
