package paging

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// value is one value with its type, so that the database gets back what it gave.
type value struct {
	Type string `json:"t"`
	Text string `json:"v"`
}

const (
	typeString = "s"
	typeInt    = "i"
	typeBool   = "b"
	typeTime   = "t"
)

func encodeValue(v any) (value, error) {
	switch v := v.(type) {
	case string:
		return value{typeString, v}, nil
	case int:
		return value{typeInt, strconv.Itoa(v)}, nil
	case int32:
		return value{typeInt, strconv.FormatInt(int64(v), 10)}, nil
	case int64:
		return value{typeInt, strconv.FormatInt(v, 10)}, nil
	case bool:
		return value{typeBool, strconv.FormatBool(v)}, nil
	case time.Time:
		return value{typeTime, v.UTC().Format(time.RFC3339Nano)}, nil
	default:
		return value{}, fmt.Errorf("a %T cannot be part of a page token", v)
	}
}

// decodeValues reads what was signed; that it does not fit can only mean that the key signs other things too.
func decodeValues(payload []byte) ([]any, error) {
	var values []value
	if err := json.Unmarshal(payload, &values); err != nil {
		return nil, damaged()
	}
	out := make([]any, len(values))
	for i, v := range values {
		decoded, err := decodeValue(v)
		if err != nil {
			return nil, damaged()
		}
		out[i] = decoded
	}
	return out, nil
}

func decodeValue(v value) (any, error) {
	switch v.Type {
	case typeString:
		return v.Text, nil
	case typeInt:
		return strconv.ParseInt(v.Text, 10, 64)
	case typeBool:
		return strconv.ParseBool(v.Text)
	case typeTime:
		return time.Parse(time.RFC3339Nano, v.Text)
	default:
		return nil, fmt.Errorf("unknown type %q", v.Type)
	}
}
