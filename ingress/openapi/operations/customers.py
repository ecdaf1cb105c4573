"""Operations by which customers prove who they are."""

from ingress.customers.verifications import Verification
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

BEGIN_VERIFICATION = Operation(
    id="beginVerification",
    tag="customers",
    body=customers.PhoneBody,
    example=EXAMPLES["phone_body"],
    responses=(DocumentedResponse(202, "code_sent", Verification, EXAMPLES["verification"]),),
    problems=("too-many-requests", "unavailable"),
)

CHECK_CODE = Operation(
    id="checkCode",
    tag="customers",
    body=customers.CodeBody,
    example=EXAMPLES["code_body"],
    responses=(
        DocumentedResponse(200, "verified", customers.CustomerResponse, EXAMPLES["verified_customer"]),
    ),
    problems=("unknown-verification", "wrong-code", "too-many-guesses", "too-many-requests", "unavailable"),
)
