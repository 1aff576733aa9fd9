package main

import (
	"strconv"

	"github.com/low-layer/platform/gen/go/reason"
)

// problemTitles are what HTTP statuses mean here.
var problemTitles = map[string]string{
	"400": "The request is not valid, or not possible in this state",
	"403": "Not allowed",
	"404": "Not found, or not yours to see",
	"409": "Conflict",
	"410": "Not kept any more",
	"412": "The etag is stale",
	"413": "The body is larger than 1 MiB",
	"415": "The body is not JSON",
	"429": "A limit is reached",
	"500": "Internal error",
	"503": "The service cannot be reached",
	"504": "Not answered in time",
}

var httpStatuses = map[string]string{
	"INVALID_ARGUMENT": "400", "FAILED_PRECONDITION": "400", "OUT_OF_RANGE": "400", "PERMISSION_DENIED": "403",
	"NOT_FOUND": "404", "ALREADY_EXISTS": "409", "ABORTED": "409", "RESOURCE_EXHAUSTED": "429",
	"UNAVAILABLE": "503", "DEADLINE_EXCEEDED": "504",
}

func statusOf(code, name string) string {
	for _, r := range reason.All {
		if r.Name == name && r.Status != 0 {
			return strconv.Itoa(r.Status)
		}
	}
	if s, ok := httpStatuses[code]; ok {
		return s
	}
	return "500"
}

func commonParameters() object {
	return object{
		"RequestId": object{
			"name": "X-Request-Id", "in": "header",
			"description": "Id of the request, for logs and support: 1 to 128 letters, digits and `-_.:`. Created when missing, returned, and sent on.",
			"schema":      object{"type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,128}$"},
		},
		"IdempotencyKey": object{
			"name": "Idempotency-Key", "in": "header",
			"description": "The same as `requestId`, bare or in quotes: the same key with the same content returns the first operation again for 24 hours.",
			"schema":      object{"type": "string", "minLength": 1, "maxLength": 64},
		},
		"IfMatch": object{
			"name": "If-Match", "in": "header",
			"description": "The same as `etag`: the change is made only when the resource still has this etag, else 412.",
			"schema":      object{"type": "string"},
		},
		"LastEventID": object{
			"name": "Last-Event-ID", "in": "header",
			"description": "The same as `resumeToken`, and taken instead of it: browsers send it when they open a stream again.",
			"schema":      object{"type": "string", "maxLength": 1024},
		},
		"IfNoneMatch": object{
			"name": "If-None-Match", "in": "header",
			"description": "Answer 304 without a body when the resource still has this etag.",
			"schema":      object{"type": "string"},
		},
	}
}

func commonHeaders() object {
	return object{
		"RequestId":  object{"description": "Id of the request.", "schema": object{"type": "string"}},
		"ETag":       object{"description": "The etag of the resource, in quotes.", "schema": object{"type": "string"}},
		"RetryAfter": object{"description": "Seconds after which trying again makes sense.", "schema": object{"type": "integer"}},
		"RateLimit": object{
			"description": "Rest of each budget of the call (draft-ietf-httpapi-ratelimit-headers): `r` calls may be made at once, " +
				"and in `t` seconds the budget is whole again or, with `r` 0, one more may be made.",
			"schema": object{"type": "string"}, "example": `"tenant-get";r=2999;t=1, "caller-get";r=749;t=1`,
		},
		"RateLimitPolicy": object{
			"description": "The budgets: `q` calls in `w` seconds at most, a quarter of them at once.",
			"schema":      object{"type": "string"}, "example": `"tenant-get";q=12000;w=60, "caller-get";q=3000;w=60`,
		},
	}
}

// answered are the headers of every response.
func answered() object {
	return object{
		"X-Request-Id": ref("headers", "RequestId"), "RateLimit": ref("headers", "RateLimit"), "RateLimit-Policy": ref("headers", "RateLimitPolicy"),
	}
}

// later are those of responses that say when to try again.
func later() object {
	h := answered()
	h["Retry-After"] = ref("headers", "RetryAfter")
	return h
}

func commonResponses() object {
	unchanged := answered()
	unchanged["ETag"] = ref("headers", "ETag")
	return object{
		"Problem":     object{"description": "Any other error.", "content": problemContent(), "headers": answered()},
		"Unavailable": object{"description": problemTitles["503"] + "; try again.", "content": problemContent(), "headers": later()},
		"NotModified": object{"description": "The resource still has the etag of If-None-Match.", "headers": unchanged},
	}
}

func problemContent() object {
	return object{"application/problem+json": object{"schema": ref("schemas", "Problem")}}
}

// problemSchema is the form of errors, RFC 9457.
func problemSchema() object {
	word := func(text string) object { return object{"type": "string", "description": text} }
	pair := func(first, text string) object {
		return object{
			"type": "array", "description": text,
			"items": object{
				"type": "object", "required": []any{first, "description"},
				"properties": object{first: object{"type": "string"}, "description": object{"type": "string"}},
			},
		}
	}
	return object{
		"type": "object", "description": "An error (RFC 9457). It says the same as the google.rpc.Status over gRPC.",
		"required": []any{"type", "title", "status", "detail", "instance", "code", "reason", "domain"},
		"properties": object{
			"type":     object{"type": "string", "format": "uri-reference", "description": "The page that explains the reason, `/problems/{reason}`."},
			"title":    word("The reason in words."),
			"status":   object{"type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status."},
			"detail":   word("The event and its remedy."),
			"instance": word("The request id."),
			"code":     word("The class of the error, as google.rpc.Code names it."),
			"reason":   object{"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$", "description": "The word to match on in programs."},
			"domain":   word("Where the reason is defined."),
			"fields":   pair("field", "The fields at fault, each with what is wrong and what would be right."),
			"quota":    pair("subject", "The limits in the way."),
			"metadata": object{
				"type": "object", "additionalProperties": object{"type": "string"}, "description": "Further facts.",
			},
			"retryAfterSeconds": object{"type": "integer", "minimum": 0, "description": "When trying again makes sense."},
			"traceId":           word("The trace of the request."),
		},
	}
}
