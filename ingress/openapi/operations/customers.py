"""Operations by which customers prove who they are."""

from ingress.handlers import customers
from ingress.openapi.operation import DocumentedResponse, Operation
from ingress.openapi.texts import EXAMPLES

CREATE_CUSTOMER = Operation(
    id="createCustomer",
    tag="customers",
    body=customers.NewCustomerBody,
    body_required=False,
    example={},
    responses=(DocumentedResponse(201, "new_customer", customers.CustomerResponse, EXAMPLES["customer"]),),
    problems=("too-many-requests",),
)
