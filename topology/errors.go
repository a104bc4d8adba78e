package topology

import (
	"errors"
	"fmt"
	"strings"
)

// Every error of a topology matches exactly one of these by [errors.Is], or else the error of the
// context that has ended.
var (
	ErrNotFound    = errors.New("not found")     // the value or its namespace does not exist
	ErrConflict    = errors.New("conflict")      // it is foreign, or another writer keeps changing it
	ErrForbidden   = errors.New("forbidden")     // the caller lacks a permission
	ErrInvalid     = errors.New("invalid")       // the value itself cannot be stored
	ErrProtected   = errors.New("protected")     // a guard against loss refuses
	ErrTerminating = errors.New("being deleted") // the object or its namespace is being deleted
	ErrUnavailable = errors.New("unavailable")   // no answer after every retry, or an overloaded server
	ErrTimeout     = errors.New("timeout")       // the deadline has passed

	// ErrUnsupported means that the infrastructure lacks something that the value needs, or that
	// Polyphony cannot find it there.
	ErrUnsupported = errors.New("not supported")

	// ErrNotModelled means that a model cannot predict the answer of the real infrastructure.
	ErrNotModelled = errors.New("not modelled")
)

// Error is what every capability returns when it fails. Adapters make it with adapter.Call.
type Error struct {
	Op     string // the call: "read", "ensure", "delete", "await", "ask" or "hold"
	Kind   Kind   // of the value
	Name   string // of the tenant or namespace; empty if there is none
	Reason error  // one of the sentinels of this package; nil if the context has ended
	Detail string // what is wrong and how to fix it; empty if Reason is enough
	Cause  error  // the raw cause, if there is one
}

// Error returns what failed, why, and how to fix it, such as `ensure Namespace "acme": exists and
// is not managed by polyphony, its owner is "Helm"`.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op + " " + string(e.Kind))
	if e.Name != "" {
		fmt.Fprintf(&b, " %q", e.Name)
	}
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	} else if e.Reason != nil {
		b.WriteString(": " + e.Reason.Error())
	}
	if e.Cause != nil {
		b.WriteString(": " + e.Cause.Error())
	}
	return b.String()
}

// Unwrap returns both the sentinel and the raw cause.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.Reason, e.Cause} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
