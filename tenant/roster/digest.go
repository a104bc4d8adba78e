package roster

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/polyphony-go/polyphony/topology"
)

// digestOf returns the digest of what the changes of a tenant do, and of their risks. It covers
// every value that programs decide by, and no text, so that another wording of a field keeps the
// digest. The roster alone does not say what happens, since that depends on what each value was
// before. A release that knows more risks has another digest, and refuses a plan that was reviewed
// without them.
func digestOf(changes []topology.Change, risks []Risk) string {
	type effect struct {
		Kind          topology.Kind
		Name          string
		Action        topology.Action
		Before, After any
		Inexact       bool
	}
	effects := make([]effect, len(changes))
	for i, c := range changes {
		effects[i] = effect{c.Kind, c.Name, c.Action, withManaged(c.Before), withManaged(c.After), c.Inexact}
	}
	return sum([]any{effects, risks})
}

// withManaged adds what the JSON of a namespace leaves out and a change decides by: to adopt a
// namespace of others is another change than to repair one.
func withManaged(value any) any {
	if ns, ok := value.(topology.Namespace); ok {
		return struct {
			topology.Namespace

			Managed bool
		}{ns, ns.Managed}
	}
	return value
}

// digest returns the digest of everything that the plan states, without the time when it was made.
// The plan is digested as it comes back from JSON, where an empty list becomes a missing one.
func (p Plan) digest() string {
	p.At, p.Digest = time.Time{}, ""
	var stored Plan
	data, _ := json.Marshal(p)        // plain data always marshals
	_ = json.Unmarshal(data, &stored) // and comes back
	return sum(stored)
}

// sum returns the SHA-256 of the JSON of a value, in hexadecimal. The JSON is the same each time:
// the keys of maps are sorted, and equal amounts of one format are written in one way. The values
// of ports always have a JSON form. For one that has none, sum returns "".
func sum(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
}

// differing returns the names of the tenants for which plans do different things now, sorted. A
// tenant without a digest is one of them, since nothing is known about it.
func differing(before, now []TenantPlan) []string {
	one, two := digests(before), digests(now)
	names := map[string]bool{}
	for _, digests := range []map[string]string{one, two} {
		for name := range digests {
			if one[name] == "" || one[name] != two[name] {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// digests returns the digest of each tenant that changes.
func digests(plans []TenantPlan) map[string]string {
	all := make(map[string]string, len(plans))
	for _, t := range plans {
		all[t.Tenant] = t.Digest
	}
	return all
}
