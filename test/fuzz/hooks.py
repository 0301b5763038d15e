"""What Schemathesis cannot know of this API: its media types, and who is calling."""

import zlib
from urllib.parse import quote

import requests
import schemathesis

schemathesis.serializer.alias(
    [
        "application/openstack-images-v2.0-json-patch",
        "application/openstack-images-v2.1-json-patch",
    ],
    "application/json",
)

OWNER = "dev:fuzz:alpha:member"
OTHERS = [
    "dev:fuzz:alpha:reader",
    "dev:fuzz:alpha:none",
    "dev:fuzz:beta:member",
    "dev:fuzz:root:admin",
]


@schemathesis.hook
def before_load_schema(context, schema):
    # A drawn entity tag matches no resource: almost every request would end with a 412.
    # preconditions.test.ts and others try these headers.
    for operations in schema["paths"].values():
        for operation in operations.values():
            if "parameters" in operation:
                operation["parameters"] = [
                    parameter
                    for parameter in operation["parameters"]
                    if parameter["in"] != "header"
                ]
            operation["responses"].pop("304", None)


def is_of_a_sequence(case):
    return case.meta is not None and case.meta.phase.name.value == "stateful"


def name_of(case):
    return case.operation.definition.raw.get("operationId")


@schemathesis.auth(refresh_interval=None)
class Callers:
    """Members answer for themselves; else the owner acts, and outside of sequences also others."""

    def get(self, case, context):
        path = case.path_parameters or {}
        if name_of(case) == "answerOffer":
            return f"dev:fuzz:{quote(str(path.get('member_id')), safe='')}:member"
        drawn = zlib.crc32(repr((path, case.query, case.body)).encode())
        if is_of_a_sequence(case) or drawn % 8 < 4:
            return OWNER
        return OTHERS[drawn % len(OTHERS)]

    def set(self, case, token, context):
        case.headers["X-Auth-Token"] = token


def has_forbidden_key(value):
    if isinstance(value, list):
        return any(has_forbidden_key(each) for each in value)
    if not isinstance(value, dict):
        return False
    constructor = value.get("constructor")
    return (
        "__proto__" in value
        or (isinstance(constructor, dict) and "prototype" in constructor)
        or any(has_forbidden_key(each) for each in value.values())
    )


@schemathesis.hook
def filter_body(context, body):
    # The parser refuses these keys however deep they are, also where anything else would be
    # ignored, which OpenAPI cannot say. property-names.test.ts and others try them.
    return not has_forbidden_key(body)


@schemathesis.hook
def before_call(context, case, kwargs):
    if not is_of_a_sequence(case):
        return
    if name_of(case) == "createImage" and isinstance(case.body, dict):
        # Schemathesis repeats the beginning of a sequence to vary its end. With an id of its own an
        # image can be created only once: the repetition would go another way, and the phase would end.
        case.body.pop("id", None)
        # So that sequences get beyond this: the owner creates no images for others, and only a
        # shared one has members.
        case.body.pop("owner", None)
        case.body["visibility"] = "shared"
    if name_of(case) == "offerImage" and case.path_parameters["image_id"] not in CREATED:
        # A sequence that begins with an offer has an image made for it.
        case.path_parameters["image_id"] = create_image(case.operation.base_url)


CREATED = set()


@schemathesis.hook
def after_call(context, case, response):
    if name_of(case) == "createImage" and response.status_code == 201:
        CREATED.add(response.json()["id"])


def create_image(base_url):
    answer = requests.post(
        f"{base_url.rstrip('/')}/v2/images", json={}, headers={"X-Auth-Token": OWNER}
    )
    answer.raise_for_status()
    CREATED.add(answer.json()["id"])
    return answer.json()["id"]
