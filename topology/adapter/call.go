package adapter

import (
	"context"

	"github.com/polyphony-go/polyphony/topology"
)

// Call is one call of a capability. It is the one place where a [*topology.Error] is made.
type Call struct {
	Op   string        // "read", "ensure", "delete", "await", "ask", "hold"
	Kind topology.Kind // of the value that the call is about
	Name string        // of the tenant or namespace; empty if there is none
}

// Read returns the call that reads a value.
func Read(kind topology.Kind, name string) Call { return Call{"read", kind, name} }

// Ensure returns the call that ensures a value.
func Ensure(kind topology.Kind, name string) Call { return Call{"ensure", kind, name} }

// Delete returns the call that deletes a value.
func Delete(kind topology.Kind, name string) Call { return Call{"delete", kind, name} }

// Await returns the call that waits for a value.
func Await(kind topology.Kind, name string) Call { return Call{"await", kind, name} }

// Ask returns the call that asks a question.
func Ask(kind topology.Kind, name string) Call { return Call{"ask", kind, name} }

// Hold returns the call that holds a lease.
func Hold(kind topology.Kind, name string) Call { return Call{"hold", kind, name} }

// Fail returns the error of a refusal. The reason is a sentinel of package topology. The detail
// says what is wrong and what to do about it; it may be empty if the reason says it all.
func (c Call) Fail(reason error, detail string) error { return c.Wrap(reason, detail, nil) }

// Invalid returns the error for a value or a question that is not valid, and why.
func (c Call) Invalid(why error) error { return c.Fail(topology.ErrInvalid, why.Error()) }

// Stopped returns the error of a call whose context has ended.
func (c Call) Stopped(ctx context.Context) error { return c.Wrap(nil, "stopped", ctx.Err()) }

// Wrap returns the error of a call that failed with cause. The reason is nil if the context has
// ended.
func (c Call) Wrap(reason error, detail string, cause error) error {
	return &topology.Error{Op: c.Op, Kind: c.Kind, Name: c.Name, Reason: reason, Detail: detail, Cause: cause}
}

// Unchanged returns the change of a call that has nothing to do.
func (c Call) Unchanged() topology.Change {
	return topology.Change{Kind: c.Kind, Name: c.Name, Action: topology.Unchanged}
}

// Created returns the change of a call that stores a value which did not exist.
func (c Call) Created(after any) topology.Change {
	return topology.Change{Kind: c.Kind, Name: c.Name, Action: topology.Created, After: after}
}

// Deleted returns the change of a call that removes a value.
func (c Call) Deleted(before any) topology.Change {
	return topology.Change{Kind: c.Kind, Name: c.Name, Action: topology.Deleted, Before: before}
}

// Updated returns the change of a call that turns before into after. Fields are the differences, in
// words for people. Without any, the change is Unchanged.
func (c Call) Updated(before, after any, fields []topology.FieldChange) topology.Change {
	if len(fields) == 0 {
		return c.Unchanged()
	}
	return topology.Change{
		Kind: c.Kind, Name: c.Name, Action: topology.Updated, Fields: fields, Before: before, After: after,
	}
}

// Retrying returns the report that the call is tried again.
func (c Call) Retrying(r topology.Retrying) topology.Retrying {
	r.Op, r.Kind, r.Name = c.Op, c.Kind, c.Name
	return r
}

// Waiting returns the report that the call waits for its value, and for what: "be in force".
func (c Call) Waiting(what string) topology.Waiting {
	return topology.Waiting{Kind: c.Kind, Name: c.Name, For: what}
}
