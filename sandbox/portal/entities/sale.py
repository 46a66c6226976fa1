"""Orders and what belongs to them (sale.* of the documentation). Empty texts are "", as on the documented pages."""

from sandbox.portal.entities.model import plain_entity

ORDER = plain_entity(
    "order",
    """
id integer ro
lid string !
personTypeId integer !
personTypeXmlId string ro =
currency string !
accountNumber string ro
additionalInfo string =
affiliateId integer
canceled char =N
comments string =
companyId integer
dateCanceled datetime ro
dateInsert datetime =@now
dateMarked datetime ro
dateStatus datetime ro =@now
dateUpdate datetime ro =@now
deducted char ro =N
discountValue double =0
empCanceledId user
empMarkedId user
empStatusId user =@user
externalOrder char =N
id1c string = index
lockedBy string =
marked char =N
orderTopic string =
payed char ro =N
price double =0
reasonCanceled string =
reasonMarked string =
recountFlag char =Y
recurringId string =
responsibleId user
statusId string =N
statusXmlId string ro =
taxValue double ro =0
updated1c char =N
userDescription string =
userId integer
version1c string =
xmlId string =@bx index
""",
    key="id",
)
BASKET_ITEM = plain_entity(
    "basket_item",
    """
id integer ro
orderId integer index
productId integer ! index
currency string !
quantity double !
name string !
price double =0
basePrice double =0
discountPrice double =0
customPrice char =N
sort integer =100
weight integer =0
dimensions string
measureCode string
measureName string
canBuy char =Y
vatRate double
vatIncluded char =N
catalogXmlId string =
productXmlId string = index
dateInsert datetime ro =@now
dateUpdate datetime ro =@now
xmlId string =@bx index
""",
    key="id",
)
PAYMENT = plain_entity(
    "payment",
    """
id integer ro
orderId integer ! imm index
paySystemId integer !
accountNumber string ro
comments string =
companyId integer
currency string ro
dateBill datetime =@now
dateMarked datetime ro
datePaid datetime
datePayBefore datetime
dateResponsibleId datetime ro
empMarkedId user
empPaidId user
empResponsibleId user
empReturnId user
externalPayment string =N
id1c string = index
isReturn char =N
marked char =N
paid char =N
payReturnComment string =
payReturnDate date
payReturnNum string =
paySystemIsCash char ro
paySystemName string ro
paySystemXmlId string ro =
payVoucherDate datetime
payVoucherNum string =
priceCod string =0
psCurrency string =
psInvoiceId string
psResponseDate datetime
psStatus string =
psStatusCode string =
psStatusDescription string =
psStatusMessage string =
psSum double
reasonMarked string =
responsibleId user
sum double =0
updated1c char =N
version1c string =
xmlId string =@bx index
""",
    key="id",
)
SHIPMENT = plain_entity(
    "shipment",
    """
id integer ro
orderId integer ! imm index
allowDelivery char !
deducted char !
deliveryId integer !
accountNumber string ro
basePriceDelivery double =0
canceled char ro =N
comments string =
companyId integer
currency string ro
customPriceDelivery char =N
dateAllowDelivery datetime ro
dateDeducted datetime ro
dateInsert datetime ro =@now
dateResponsibleId datetime ro
deliveryDocDate datetime
deliveryDocNum string =
deliveryName string ro
deliveryXmlId string ro =
empAllowDeliveryId user ro
empDeductedId user ro
empResponsibleId user ro
marked char ro =N
priceDelivery double ro
responsibleId user
statusId string =DN
statusXmlId string ro =
system char ro =N
trackingNumber string =
xmlId string =@bx index
""",
    key="id",
)
SHIPMENT_ITEM = plain_entity(
    "shipment_item",
    """
id integer ro
orderDeliveryId integer ! imm index
basketId integer ! imm index
quantity double !
reservedQuantity double ro =0
dateInsert datetime ro =@now
xmlId string =@bx index
""",
    key="id",
)
ORDER_PROPERTY = plain_entity(
    "order_property",
    """
id integer ro
personTypeId integer ! index
propsGroupId integer !
name string !
type string !
code string index
active char =Y
required char =N
multiple char =N
util char =N
userProps char =N
isFiltered char =N
defaultValue string =
description string =
sort integer =100
xmlId string =
""",
    key="id",
)
PROPERTY_VALUE = plain_entity(
    "property_value",
    """
id integer ro
orderId integer ! index
orderPropsId integer ! index
orderPropsXmlId string ro =
name string ro
code string ro
value string =
""",
    key="id",
)
ORDER_STATUS = plain_entity(
    "order_status",
    "id string !\ntype string =O\nsort integer =100\nnotify char =Y\ncolor string\nxmlId string\n",
    key=None,
)
PERSON_TYPE = plain_entity(
    "person_type",
    "id integer ro\nname string !\nsort string =150\nactive char =Y\ncode string\nxmlId string\n",
    key="id",
)
PAY_SYSTEM = plain_entity(
    "pay_system",
    """
ID integer ro
NAME string !
PSA_NAME string
DESCRIPTION string =
ACTION_FILE string =cash
RESULT_FILE string
NEW_WINDOW char =N
ACTIVE char =Y
ALLOW_EDIT_PAYMENT char =Y
IS_CASH choice =N
ENTITY_REGISTRY_TYPE string =ORDER
XML_ID string =
PERSON_TYPE_ID integer
SORT integer =100
""",
)
DELIVERY = plain_entity(
    "delivery",
    """
ID integer ro
PARENT_ID integer
NAME string !
ACTIVE char =Y
DESCRIPTION string =
CURRENCY string =RUB
SORT integer =100
""",
)
