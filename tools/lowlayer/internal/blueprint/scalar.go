package blueprint

import (
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The forms of YAML 1.2's core schema. The decoder follows YAML 1.1 in part: it reads 0443 as octal and cuts 0.5 to 0.
var (
	wholeNumber = regexp.MustCompile(`^(0|[-+]?[1-9][0-9]*)$`)
	coreNumber  = regexp.MustCompile(`^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
	coreBool    = regexp.MustCompile(`^(true|True|TRUE|false|False|FALSE)$`)
)

// checkScalar reports a value that is not of the kind, or that a decoder would convert to it.
func (p *problems) checkScalar(n *yaml.Node, path string, want reflect.Kind) {
	plain := n.Kind == yaml.ScalarNode && n.Style == 0
	switch want {
	case reflect.Int32:
		switch {
		case plain && wholeNumber.MatchString(n.Value) && n.Decode(new(int32)) == nil:
		case plain && strings.HasPrefix(n.Value, "0") && strings.Trim(n.Value, "0123456789") == "":
			p.add(path, "must be a whole number without leading zeros, not %s; write %s", shown(n), strings.TrimLeft(n.Value[:len(n.Value)-1], "0")+n.Value[len(n.Value)-1:])
		default:
			p.add(path, "must be a whole number in decimal digits, not %s", shown(n))
		}
	case reflect.Bool:
		if !plain || !coreBool.MatchString(n.Value) {
			p.add(path, "must be true or false, not %s", shown(n))
		}
	default:
		switch {
		case n.Kind != yaml.ScalarNode:
			p.add(path, "must be a text, not %s", shown(n))
		case plain && (coreNumber.MatchString(n.Value) || coreBool.MatchString(n.Value)):
			p.add(path, "must be a text; write %q with its quotes", clip(n.Value))
		}
	}
}
