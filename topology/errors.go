package topology

import (
	"errors"
	"fmt"
	"strings"
)

// Every error of a topology matches exactly one of these by [errors.Is], or else the error of the
// context that has ended.
var (
	ErrNotFound    = errors.New("not found")
	ErrConflict    = errors.New("conflict")             // it is foreign, or another writer keeps changing it
	ErrForbidden   = errors.New("forbidden")            // the caller lacks a permission
	ErrInvalid     = errors.New("invalid")              // the value itself cannot be stored
	ErrProtected   = errors.New("protected")            // a guard against loss refuses
	ErrTerminating = errors.New("being deleted")        // the object or its namespace is being deleted
	ErrUnavailable = errors.New("unavailable")          // no answer after every retry, or an overloaded server
	ErrTimeout     = errors.New("not done in the time") // the agreed time is over
	ErrUnsupported = errors.New("not known or not here")
	ErrNotModelled = errors.New("not modelled") // a model cannot tell what the real infrastructure would answer
)

// Error is what every capability returns when it fails. Adapters make it with adapter.Call.
type Error struct {
	Op     string // "read", "ensure", "delete", "await", "ask", "hold"
	Kind   Kind   // of the value
	Name   string // of the tenant or namespace; empty if there is none
	Reason error  // one of the sentinels of this package; nil if the context has ended
	Detail string // what is wrong and what to do about it; empty if Reason says it all
	Cause  error  // the raw cause, if there is one
}

// Error says what failed, why and what to do, such as
// `ensure Namespace "acme": exists and is not managed by polyphony, its owner is "Helm"`.
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
