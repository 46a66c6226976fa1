"""Users of a portal (user.get of the documentation)."""

from sandbox.portal.entities.model import plain_entity

USER = plain_entity(
    "user",
    """
ID integer ro
ACTIVE bit =1
NAME string
LAST_NAME string
SECOND_NAME string =
EMAIL string index
XML_ID string index
LAST_LOGIN datetime =@now
DATE_REGISTER datetime =@now
TIME_ZONE string =
IS_ONLINE char =N
PERSONAL_GENDER string =
PERSONAL_WWW string =
PERSONAL_BIRTHDAY string =
PERSONAL_MOBILE string =
PERSONAL_CITY string =
WORK_PHONE string =
WORK_POSITION string =
UF_DEPARTMENT integer many
UF_EMPLOYMENT_DATE string =
UF_PHONE_INNER string
USER_TYPE string =employee
""",
)
