"""An authorizer that says yes, no, neither, or nothing at all."""


def handler(event, context):
    token = event["identitySource"][0]
    if token == "Bearer unclear":
        return {"isAuthorized": "yes"}
    if token == "Bearer crash":
        raise RuntimeError("the guard fell over")
    return {"isAuthorized": token == "Bearer good", "context": {"tenant": "t-1", "n": 3}}
