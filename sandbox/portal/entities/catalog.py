"""The trade catalogue: products, sections, prices, properties, dictionaries (catalog.* of the documentation)."""

from sandbox.portal.entities.model import plain_entity

CATALOG = plain_entity(
    "catalog",
    """
id integer ro
iblockId integer ! index
iblockTypeId integer =0
lid string =s1
name string
productIblockId integer
skuPropertyId integer
subscription char =N
vatId integer
yandexExport char =N
""",
    key="id",
)
PRODUCT = plain_entity(
    "product",
    """
id integer ro
iblockId integer ! index
name string !
active char =Y
available char ro =Y
barcodeMulti char =N
bundle char ro =N
canBuyZero choice =N
code string index
createdBy user =@user
modifiedBy user =@user
dateActiveFrom datetime
dateActiveTo datetime
dateCreate datetime =@now
timestampX datetime ro =@now
detailPicture picture
previewPicture picture
detailText text
detailTextType string =text
previewText text
previewTextType string =text
height double
length double
weight double
width double
iblockSectionId integer index
iblockSection integer many
measure integer
purchasingCurrency string
purchasingPrice double
quantity double
quantityReserved double
quantityTrace choice =D
recurSchemeLength integer
recurSchemeType string =D
sort integer =500
subscribe choice =D
trialPriceId integer
type integer ro =1
vatId integer
vatIncluded char =N
withoutOrder char =N
xmlId string index
parentId integer
""",
    key="id",
    missing="product does not exist.",
)
SECTION = plain_entity(
    "section",
    """
id integer ro
iblockId integer ! index
iblockSectionId integer index
name string !
xmlId string index
code string index
sort integer =500
active char =Y
description text
descriptionType string =text
""",
    key="id",
    missing="Section does not exist",
)
PRICE = plain_entity(
    "price",
    """
id integer ro
productId integer ! index
catalogGroupId integer !
price double !
currency string !
priceScale double ro
extraId integer
quantityFrom integer
quantityTo integer
timestampX datetime ro =@now
""",
    key="id",
    missing="price does not exist.",
)
PRICE_TYPE = plain_entity(
    "price_type",
    """
id integer ro
name string !
base char =N
sort integer =100
xmlId string index
createdBy user =@user
modifiedBy user =@user
dateCreate datetime =@now
timestampX datetime ro =@now
""",
    key="id",
    missing="price type does not exist.",
)
PROPERTY = plain_entity(
    "property",
    """
id integer ro
iblockId integer ! index
name string !
propertyType string !
active char =Y
sort integer =500
code string index
defaultValue text
userType string
rowCount integer =1
colCount integer =30
listType string =L
multiple char =N
xmlId string index
fileType string
multipleCnt integer
linkIblockId integer
withDescription char
searchable char =N
filtrable char =N
isRequired char =N
hint string
userTypeSettings object
timestampX datetime ro =@now
""",
    key="id",
    missing="productProperty does not exist.",
)
PROPERTY_ENUM = plain_entity(
    "property_enum",
    """
id integer ro
propertyId integer ! index
value string !
xmlId string ! index
def char =N
sort integer =500
""",
    key="id",
    missing="productPropertyEnum does not exist.",
)
MEASURE = plain_entity(
    "measure",
    """
id integer ro
code integer ! index
measureTitle string !
isDefault char =N
symbol string
symbolIntl string
symbolLetterIntl string
""",
    key="id",
    missing="measure does not exist.",
)
VAT = plain_entity(
    "vat",
    """
id integer ro
name string !
rate double !
active char =Y
sort integer =100
timestampX datetime ro =@now
""",
    key="id",
    missing="VAT does not exist.",
)
