package tenant

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Duration is a span of time. JSON and YAML write it as "10m" or "1h30m", which
// [time.ParseDuration] reads. The zero value is unset.
type Duration time.Duration

// MaxDuration is the longest wait that a Score may ask for.
const MaxDuration = Duration(24 * time.Hour)

// String prints the duration as "10m" or "1h30m".
func (d Duration) String() string {
	text := time.Duration(d).String()
	for _, zero := range []struct{ after, unit string }{{"m", "0s"}, {"h", "0m"}} {
		if strings.HasSuffix(text, zero.after+zero.unit) {
			text = strings.TrimSuffix(text, zero.unit)
		}
	}
	return text
}

// Or returns the duration, or the value of unset if it is zero.
func (d Duration) Or(unset time.Duration) time.Duration {
	if d == 0 {
		return unset
	}
	return time.Duration(d)
}

// MarshalText writes the duration as String prints it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a duration such as "10m". It fails for a number without a unit.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 10m or 1h30m", text)
	}
	*d = Duration(parsed)
	return nil
}

// Validate returns an error at the given path if the duration is negative or longer than
// [MaxDuration].
func (d Duration) Validate(at *field.Path) field.ErrorList {
	if d < 0 || d > MaxDuration {
		return field.ErrorList{field.Invalid(at, d.String(), "must be 0 to 24h")}
	}
	return nil
}
