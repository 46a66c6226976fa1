"""Groups of fields that several CRM entities share (object fields of crm.item.* and crm.*.get of the documentation)."""

WHO = """
ASSIGNED_BY_ID user =@user
CREATED_BY_ID user ro =@user item=createdBy
MODIFY_BY_ID user ro =@user item=updatedBy
DATE_CREATE datetime ro =@now item=createdTime
DATE_MODIFY datetime ro =@now item=updatedTime
OPENED char =Y
WEBFORM_ID integer new
"""
ORIGIN = """
ORIGINATOR_ID string
ORIGIN_ID string index
"""
MOVED = """
MOVED_BY_ID user ro =@user item=movedBy
MOVED_TIME datetime ro =@now
"""
ADDRESS = """
ADDRESS string old
ADDRESS_2 string old
ADDRESS_CITY string old
ADDRESS_POSTAL_CODE string old
ADDRESS_REGION string old
ADDRESS_PROVINCE string old
ADDRESS_COUNTRY string old
ADDRESS_COUNTRY_CODE string old
ADDRESS_LOC_ADDR_ID integer old
"""
REG_ADDRESS = ADDRESS.replace("\nADDRESS", "\nREG_ADDRESS")
ACTIVITY = """
UTM_SOURCE string
UTM_MEDIUM string
UTM_CAMPAIGN string
UTM_CONTENT string
UTM_TERM string
LAST_ACTIVITY_BY user oldro =@user
LAST_ACTIVITY_TIME datetime oldro =@now
LAST_COMMUNICATION_TIME string ro
LAST_COMMUNICATION_CALL_TIME datetime ro new
LAST_COMMUNICATION_EMAIL_TIME datetime ro new
LAST_COMMUNICATION_IMOL_TIME datetime ro new
LAST_COMMUNICATION_WEBFORM_TIME datetime ro new
SEARCH_CONTENT text resp
"""
OBSERVERS = "OBSERVERS user many new\n"
HAS = """
HAS_PHONE char ro =N
HAS_EMAIL char ro =N
HAS_IMOL char ro =N
"""
MULTI = """
PHONE crm_multifield index old
EMAIL crm_multifield index old
WEB crm_multifield old
IM crm_multifield old
LINK crm_multifield old
"""
CONTACTS = """
CONTACT_ID crm_contact index dep
CONTACT_IDS crm_contact many new index
"""
SHORT_DATES = """
DATE_CREATE_SHORT datetime resp
DATE_MODIFY_SHORT datetime resp
"""
STAGE = """
STAGE_ID crm_status =NEW
PREVIOUS_STAGE_ID crm_status ro new
"""
MONEY = """
CURRENCY_ID crm_currency =RUB
OPPORTUNITY double =0
IS_MANUAL_OPPORTUNITY char =N
"""
